import { InfraContext, type HeldLease } from '@infra-kit/kernel';
import type { KeyValue, Txn, TxnResult } from '../drivers/coord-driver.js';
import type { CoordEngine } from './coord-engine.js';
import type { LeaseKind, StoreLease, StoreLeases } from './store-leases.js';
import { untilDeleted } from './until-deleted.js';

export interface ClaimRequest {
  /** The key all claims of one thing stand under. */
  readonly root: string;
  readonly kind: LeaseKind;
  /** For messages: `lock "/a"`. */
  readonly what: string;
  readonly value: string;
  readonly ttlMs: number;
  readonly signal: AbortSignal;
}

/** The first place of a queue, had. */
export interface Claim {
  /** The key that stands for it, bound to its lease. */
  readonly entry: string;
  /** Its create revision: rises from holder to holder. */
  readonly token: bigint;
  readonly lease: HeldLease;
  /** Gives the place to the next. */
  end(): Promise<void>;
}

const PAUSE_AFTER_FAILURE_MS = 100;

/** `//` occurs in no key of a caller, so that no key's claims are another's. */
export const claimsUnder = (root: string): string => `${root}//`;

/**
 * Queues in the store, first come first served: each claim is a key bound to a lease, in order of create revision, and
 * waits for the one before it to go. See etcd's `concurrency` package for Go, whose recipe this is.
 */
export class ClaimQueue {
  readonly #engine: CoordEngine;
  readonly #leases: StoreLeases;

  constructor(engine: CoordEngine, leases: StoreLeases) {
    this.#engine = engine;
    this.#leases = leases;
  }

  /** Undefined when somebody has it, or waits for it. */
  tryClaim(request: ClaimRequest): Promise<Claim | undefined> {
    return InfraContext.detach(() =>
      this.#withLease(request, async (lease) => {
        const { put, entry, prefix } = place(request, lease);
        const { succeeded, revision } = await this.#txn({
          compare: [{ prefix, target: 'create', is: '=', to: 0n }],
          success: [put],
        });
        return succeeded && !lease.held.lost ? claimOf(lease, entry, revision) : undefined;
      }),
    );
  }

  /** Waits its turn. Leaves the queue when the signal aborts; one whose lease ran out while waiting queues anew. */
  claim(request: ClaimRequest): Promise<Claim> {
    return InfraContext.detach(async () => {
      const signal = AbortSignal.any([request.signal, this.#leases.closing]);
      for (;;) {
        const claim = await this.#withLease(request, (lease) => this.#queue(request, lease, signal));
        if (claim) return claim;
      }
    });
  }

  async #withLease(
    request: ClaimRequest,
    attempt: (lease: StoreLease) => Promise<Claim | undefined>,
  ): Promise<Claim | undefined> {
    request.signal.throwIfAborted();
    const lease = await this.#leases.grant(request);
    let claim: Claim | undefined;
    try {
      request.signal.throwIfAborted();
      claim = await attempt(lease);
      return claim;
    } finally {
      // the store frees what it could not be told of
      if (claim === undefined) await lease.end().catch(() => undefined);
    }
  }

  async #queue(request: ClaimRequest, lease: StoreLease, signal: AbortSignal): Promise<Claim | undefined> {
    const { put, entry, prefix } = place(request, lease);
    const newest = { kind: 'get', prefix, orderBy: 'create', descending: true, limit: 2 } as const;
    const { revision: token, results } = await this.#txn({ success: [put, newest] });
    let before: KeyValue | undefined = results[1]?.kvs[1];
    let seen = token;
    while (before !== undefined) {
      const gone = AbortSignal.any([signal, lease.held.signal]);
      try {
        await untilDeleted(this.#engine, before.key, seen + 1n, gone);
        const { kvs, revision } = await this.#upTo(prefix, token, gone);
        if (kvs[0]?.createRevision !== token) return undefined;
        before = kvs[1];
        seen = revision;
      } catch (error) {
        signal.throwIfAborted();
        if (lease.held.lost) return undefined;
        throw error;
      }
    }
    signal.throwIfAborted();
    return lease.held.lost ? undefined : claimOf(lease, entry, token);
  }

  /** My own claim and the one before it. An outage that passes does not cost the place. */
  async #upTo(
    prefix: string,
    token: bigint,
    signal: AbortSignal,
  ): Promise<{ kvs: readonly KeyValue[]; revision: bigint }> {
    const { runner, driver, clock } = this.#engine;
    const query = {
      prefix,
      orderBy: 'create',
      descending: true,
      limit: 2,
      maxCreateRevision: token,
    } as const;
    for (;;) {
      try {
        return await runner.run('range', { signal }, (call) => driver.range(query, call));
      } catch (error) {
        const { retryable, code } = runner.wrap('range', error);
        if (signal.aborted || !(retryable || code === 'DEADLINE_EXCEEDED')) throw error;
        await clock.sleep(PAUSE_AFTER_FAILURE_MS, signal);
      }
    }
  }

  #txn(txn: Txn): Promise<TxnResult> {
    const { runner, driver } = this.#engine;
    return runner.run('txn', undefined, (call) => driver.txn(txn, call));
  }
}

function place(
  { root, value }: ClaimRequest,
  { id: lease }: StoreLease,
): { prefix: string; entry: string; put: { kind: 'put'; key: string; value: string; lease: string } } {
  const prefix = claimsUnder(root);
  const entry = `${prefix}${lease}`;
  return { prefix, entry, put: { kind: 'put', key: entry, value, lease } };
}

function claimOf(lease: StoreLease, entry: string, token: bigint): Claim {
  return { entry, token, lease: lease.held, end: () => lease.end() };
}
