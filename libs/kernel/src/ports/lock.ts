import { InfraError, type InfraErrorOptions } from '../errors/infra-error.js';
import type { CallOptions } from '../context/call-options.js';

/** Mutual exclusion under a lease. One contract for every lock of the suite. */
export interface Lock extends AsyncDisposable {
  readonly key: string;
  /** Fencing token, strictly increasing per key: hand it to what the lock protects, which refuses lower ones. */
  readonly token: bigint;
  /**
   * Aborts, with a `LockLostError`, before the server could give the lock to another: at most 0.9 ttl after the
   * sending of the last acknowledged renewal, by the monotonic clock.
   */
  readonly signal: AbortSignal;
  /** Milliseconds the lock is still surely held; ≤ 0: lost. Needs no timer: right at once after a stopped process goes on. */
  remainingMs(): number;
  /** Idempotent. Never touches another owner's lock; releasing a lost one resolves. */
  release(): Promise<void>;
}

export interface LockOptions extends CallOptions {
  readonly ttlMs?: number | undefined;
  /** How long to wait for one's turn, in milliseconds; default 10,000. `tryAcquire` ignores it. */
  readonly waitMs?: number | undefined;
}

export interface LockService {
  /** Waits its turn. `DEADLINE_EXCEEDED` after `waitMs`. */
  acquire(key: string, options?: LockOptions): Promise<Lock>;
  tryAcquire(key: string, options?: LockOptions): Promise<Lock | undefined>;
  /** Waits for `fn` to settle; rejects with `LockLostError` when the lock was lost meanwhile, `fn`'s own error as its cause. */
  withLock<T>(key: string, options: LockOptions, fn: (lock: Lock) => Promise<T>): Promise<T>;
}

/** The lock was lost while it was believed held. FAILED_PRECONDITION, retryable: acquire again and redo. */
export class LockLostError extends InfraError {
  static {
    this.prototype.name = 'LockLostError';
  }

  constructor(message: string, options: InfraErrorOptions = {}) {
    super('FAILED_PRECONDITION', message, { retryable: true, ...options });
  }
}
