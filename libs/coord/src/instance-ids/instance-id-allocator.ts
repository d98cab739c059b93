import type { CallOptions } from '@infra-kit/kernel';

export interface InstanceIdOptions extends CallOptions {
  /** How long an id stays its holder's after the last renewal, in milliseconds ≥ 2,000; default 15,000. */
  readonly ttlMs?: number | undefined;
}

/** An instance id that belongs to this process for as long as it is renewed, which it is by itself. */
export interface WorkerIdLease {
  /** 1 … the largest asked for. */
  readonly id: number;
  /**
   * Milliseconds the id is still surely this process's, by the monotonic clock, counted from the sending of the last
   * acknowledged renewal; ≤ 0: lost, for good, or given back. Needs no timer. Quick, and never throws.
   */
  remainingMs(): number;
  /** Aborts, with a `LockLostError`, when the lease is lost, before another process can own the id; never by `release`. */
  readonly signal: AbortSignal;
  /**
   * Stores a time (epoch milliseconds) beside the id, which outlives the lease; it may be lower than the one before.
   * Resolves when it is durable. Of a lost or released lease: FAILED_PRECONDITION, and nothing is stored. After any
   * other rejection it may be stored or not, but not after a later call has resolved.
   */
  saveHighWater(ms: number): Promise<void>;
  /** What was stored for this id when the lease was had; undefined: nothing ever. */
  readonly highWaterMs: number | undefined;
  /** Gives the id back. Idempotent; of a lost lease it resolves and never touches another owner's. */
  release(): Promise<void>;
}

/** Numbers for the instances of a service: each held by one process at a time, the lowest free one first. Fits uid's `WorkerIdSource`. */
export interface InstanceIdAllocator {
  /**
   * The lowest id of 1 … `max` that no other holder of `service` has; when more than 16 want one at the same moment,
   * one of the lowest. None free: RESOURCE_EXHAUSTED, at once.
   * When it is cancelled or fails, nothing is left behind.
   */
  acquire(service: string, max: number, options?: InstanceIdOptions): Promise<WorkerIdLease>;
}
