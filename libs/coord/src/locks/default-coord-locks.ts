import {
  LockLostError,
  type CallOptions,
  type Lock,
  type LockFront,
  type LockOptions,
} from '@infra-kit/kernel';
import { invalidArgument, shown } from '../coord.errors.js';
import { claimFront } from '../operations/claim-front.js';
import type { Claim, ClaimQueue } from '../operations/claim-queue.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { holderOf } from '../operations/holder.js';
import type { CoordLocks, GuardedOp, GuardedResult } from './coord-locks.js';

const MOST_OPS = 100;
const KINDS: ReadonlySet<unknown> = new Set(['put', 'delete', 'get']);

/** Locks over queues of claims; checks, limits and `withLock` are the kernel's. */
export class DefaultCoordLocks implements CoordLocks {
  readonly #engine: CoordEngine;
  readonly #front: LockFront;
  readonly #claims = new WeakMap<Lock, Claim>();

  constructor(engine: CoordEngine, queue: ClaimQueue) {
    this.#engine = engine;
    this.#front = claimFront(engine, queue, {
      part: 'locks',
      noun: 'lock',
      kind: 'lock',
      group: 'locks',
      value: holderOf(engine),
      granted: (lock, claim) => void this.#claims.set(lock, claim),
    });
  }

  acquire(key: string, options?: LockOptions): Promise<Lock> {
    return this.#front.acquire(key, options);
  }

  tryAcquire(key: string, options?: LockOptions): Promise<Lock | undefined> {
    return this.#front.tryAcquire(key, options);
  }

  withLock<T>(key: string, options: LockOptions, fn: (lock: Lock) => Promise<T>): Promise<T> {
    return this.#front.withLock(key, options, fn);
  }

  async guard(lock: Lock, ops: readonly GuardedOp[], options?: CallOptions): Promise<GuardedResult> {
    const { runner, driver, place } = this.#engine;
    runner.checkOpen();
    const claim = this.#claims.get(lock);
    if (claim === undefined)
      throw invalidArgument(place, 'guard: lock must be one that this coord has granted');
    this.#checkOps(ops);
    if (claim.lease.remainingMs() <= 0) throw this.#notOurs(lock);
    const { succeeded, revision, results } = await runner.run('txn', options, (call) =>
      driver.txn(
        {
          compare: [{ key: claim.entry, target: 'create', is: '=', to: claim.token }],
          success: ops,
        },
        call,
      ),
    );
    if (!succeeded) throw this.#notOurs(lock);
    return { revision, values: results.map(({ kvs }) => kvs[0]?.value) };
  }

  #notOurs({ key, signal }: Lock): LockLostError {
    const { label, name } = this.#engine.place;
    return new LockLostError(`${label}: lock ${shown(key)} is not held any more, nothing was written`, {
      component: 'coord',
      instance: name,
      cause: signal.reason,
    });
  }

  #checkOps(ops: unknown): void {
    const { place } = this.#engine;
    if (!Array.isArray(ops) || ops.length === 0 || ops.length > MOST_OPS)
      throw invalidArgument(place, `guard: ops must be a list of 1 to ${MOST_OPS}`);
    for (const op of ops) {
      const [kind, key, value] = ['kind', 'key', 'value'].map((field): unknown =>
        Reflect.get(Object(op), field),
      );
      if (!KINDS.has(kind))
        throw invalidArgument(place, `guard: kind must be put, delete or get, got ${shown(kind)}`);
      if (typeof key !== 'string' || key === '')
        throw invalidArgument(place, `guard: key must be a text that is not empty, got ${shown(key)}`);
      if (kind === 'put' && typeof value !== 'string')
        throw invalidArgument(place, `guard: value must be a text, got ${shown(value)}`);
    }
  }
}
