import type { CallOptions } from '@infra-kit/kernel';

export interface WorkerIdOptions extends CallOptions {
  /** How long an id stays its holder's after the last renewal, in milliseconds. */
  readonly ttlMs?: number | undefined;
}

/**
 * An instance id that belongs to this process for as long as it is renewed; the source renews it by itself.
 * Calls of `saveHighWater` come one at a time.
 */
export interface WorkerIdLease {
  /** 1 … the largest asked for. */
  readonly id: number;
  /**
   * Milliseconds the id is still surely this process's, by the monotonic clock, counted from the *sending* of the last
   * acknowledged renewal; ≤ 0: lost, for good. Needs no timer, so that a process that was stopped knows at its first
   * look. Called before every id: must be quick and must not throw.
   */
  remainingMs(): number;
  /** Aborts when the lease is lost, before another process can own the id; never because of `release`. */
  readonly signal: AbortSignal;
  /**
   * Stores, beside the id and outliving this lease, up to which time (epoch milliseconds, inclusive) ids may have been
   * made with it. The value may be lower than the one before (exact at the end, ahead of time while running).
   * Resolves when it is durable. Of a lost lease: FAILED_PRECONDITION, and nothing is stored. After any other
   * rejection the value may be stored or not, but not after a later call has resolved.
   */
  saveHighWater(ms: number): Promise<void>;
  /** What was stored for this id when the lease was had; undefined: the id is fresh. */
  readonly highWaterMs?: number | undefined;
  /** False: nothing outlives the process here, `saveHighWater` keeps nothing, and no one waits for it. Default true. */
  readonly keepsHighWater?: boolean | undefined;
  /** Gives the id back. Idempotent; of a lost lease it resolves and never touches another owner's. */
  release(): Promise<void>;
}

/**
 * The port through which instance ids come: coord's allocator, or a source of one's own.
 * `workerIdSourceContract` of `@infra-kit/uid/testing` tests an implementation.
 */
export abstract class WorkerIdSource {
  /**
   * An id of 1 … `maxInstanceId` that no other holder of `service` has. None free: RESOURCE_EXHAUSTED, at once.
   * When it is cancelled or fails, nothing is left behind.
   */
  abstract acquire(service: string, maxInstanceId: number, options?: WorkerIdOptions): Promise<WorkerIdLease>;
}
