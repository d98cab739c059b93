import { HeldLock, InfraContext, LockLostError } from '@infra-kit/kernel';
import { coordError, invalidArgument, shown } from '../coord.errors.js';
import type { TxnResult } from '../drivers/coord-driver.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import type { StoreLease } from '../operations/store-leases.js';
import type { WorkerIdLease } from './instance-id-allocator.js';

export interface HeldIdParts {
  readonly id: number;
  /** For messages: `instance id 3 of "orders"`. */
  readonly what: string;
  /** The key that stands for the id, bound to the lease. */
  readonly key: string;
  readonly markKey: string;
  /** The create revision of `key`. */
  readonly token: bigint;
  readonly lease: StoreLease;
  readonly mark: { readonly ms: number; readonly revision: bigint } | undefined;
}

export class HeldInstanceId implements WorkerIdLease {
  readonly id: number;
  readonly highWaterMs: number | undefined;
  readonly #engine: CoordEngine;
  readonly #parts: HeldIdParts;
  readonly #lock: HeldLock;
  /** Of the mark as last seen: a save that comes late finds another, and does nothing. */
  #markRevision: bigint;

  constructor(engine: CoordEngine, parts: HeldIdParts) {
    const { id, key, token, lease, mark } = parts;
    this.id = id;
    this.highWaterMs = mark?.ms;
    this.#engine = engine;
    this.#parts = parts;
    this.#markRevision = mark?.revision ?? 0n;
    this.#lock = new HeldLock({ key, token, lease: lease.held, giveBack: () => lease.end() });
  }

  get signal(): AbortSignal {
    return this.#lock.signal;
  }

  remainingMs(): number {
    return this.#lock.remainingMs();
  }

  release(): Promise<void> {
    return this.#lock.release();
  }

  async saveHighWater(ms: number): Promise<void> {
    if (!Number.isSafeInteger(ms))
      throw invalidArgument(this.#engine.place, `saveHighWater: ms must be a whole number, got ${shown(ms)}`);
    const { key, markKey, token } = this.#parts;
    for (;;) {
      if (this.remainingMs() <= 0) throw this.#lost();
      const { succeeded, revision, results } = await this.#put(`${ms}`);
      if (succeeded) {
        this.#markRevision = revision;
        return;
      }
      const [own, mark] = [key, markKey].map((_, at) => results[at]?.kvs[0]);
      if (own?.createRevision !== token) throw this.#lost();
      this.#markRevision = mark?.modRevision ?? 0n;
    }
  }

  #put(value: string): Promise<TxnResult> {
    const { runner, driver } = this.#engine;
    const { key, markKey, token } = this.#parts;
    const txn = {
      compare: [
        { key, target: 'create', is: '=', to: token },
        { key: markKey, target: 'mod', is: '=', to: this.#markRevision },
      ],
      success: [{ kind: 'put', key: markKey, value }],
      failure: [
        { kind: 'get', key },
        { kind: 'get', key: markKey },
      ],
    } as const;
    return InfraContext.detach(() => runner.run('txn', undefined, (call) => driver.txn(txn, call)));
  }

  #lost(): LockLostError {
    const { label, name } = this.#engine.place;
    return new LockLostError(`${label}: ${this.#parts.what} is not held any more, nothing was stored`, {
      component: 'coord',
      instance: name,
      cause: this.signal.reason,
    });
  }
}

/** The mark as it is stored; DATA_LOSS when it is none. */
export function parseMark(engine: CoordEngine, key: string, text: string): number {
  const ms = text === '' ? Number.NaN : Number(text);
  if (Number.isSafeInteger(ms)) return ms;
  throw coordError(
    engine.place,
    'DATA_LOSS',
    `the high-water mark at ${shown(key)} is no time, but ${shown(text)}; write the right one, or delete it`,
  );
}
