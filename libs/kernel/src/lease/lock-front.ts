import { withDeadline } from '../context/deadline.js';
import { InfraError } from '../errors/infra-error.js';
import type { Clock } from '../ports/clock.js';
import { LockLostError, type Lock, type LockOptions, type LockService } from '../ports/lock.js';

const DEFAULT_WAIT_MS = 10_000;

export interface LockRequest {
  readonly key: string;
  readonly ttlMs: number;
  /** Aborts when the caller waits no longer. A lock granted all the same is released by the front. */
  readonly signal: AbortSignal;
}

/** What a store has to offer for a `LockService`. */
export interface LockDriver {
  /** Grants at once, or answers undefined. */
  tryGrant(request: LockRequest): Promise<Lock | undefined>;
  /** Waits its turn. Leaves the queue and rejects when the signal aborts. */
  grant(request: LockRequest): Promise<Lock>;
}

export interface LockFrontOptions {
  readonly clock: Clock;
  /** For messages: `coord.locks`, `cache(sessions).locks`. */
  readonly label: string;
  readonly component: string;
  readonly instance: string;
  readonly defaultTtlMs: () => number;
  /** The shortest ttl the store can keep; default 1. */
  readonly leastTtlMs?: number | undefined;
  /** What a key names, for messages; default `lock`. */
  readonly noun?: string | undefined;
  /** Throws for what is no key, or when the component is closed. */
  readonly checkKey: (key: unknown) => void;
}

/** `LockService` over any store: checks, limits, what was granted too late, and `withLock`. */
export class LockFront implements LockService {
  readonly #driver: LockDriver;
  readonly #options: LockFrontOptions;

  constructor(driver: LockDriver, options: LockFrontOptions) {
    this.#driver = driver;
    this.#options = options;
  }

  async acquire(key: string, options?: LockOptions): Promise<Lock> {
    const ttlMs = this.#ttlMs(key, options);
    const waitMs = this.#waitMs(options?.waitMs ?? DEFAULT_WAIT_MS);
    const late = (why: string): InfraError =>
      this.#error('DEADLINE_EXCEEDED', `${this.#options.noun ?? 'lock'} ${shown(key)} ${why}`);
    const waited = (): InfraError =>
      late(
        `was not to be had within waitMs, ${waitMs} ms: another holds it, or the answer was not there yet; raise waitMs`,
      );
    if (waitMs > 0)
      return this.#ask('acquire', options, { ms: waitMs, late: waited }, (signal) =>
        this.#driver.grant({ key, ttlMs, signal }),
      );
    const lock = await this.tryAcquire(key, options);
    if (lock === undefined) throw late('is held by another, and waitMs is 0');
    return lock;
  }

  async tryAcquire(key: string, options?: LockOptions): Promise<Lock | undefined> {
    const ttlMs = this.#ttlMs(key, options);
    return this.#ask('tryAcquire', options, undefined, (signal) =>
      this.#driver.tryGrant({ key, ttlMs, signal }),
    );
  }

  async withLock<T>(key: string, options: LockOptions, fn: (lock: Lock) => Promise<T>): Promise<T> {
    if (typeof fn !== 'function') throw this.#error('INVALID_ARGUMENT', 'withLock needs a function');
    return runLocked(await this.acquire(key, options), fn);
  }

  /** Under the caller's limits and, by the clock, the wait's. Promptly, whatever the store does. */
  async #ask<L extends Lock | undefined>(
    operation: string,
    options: LockOptions | undefined,
    wait: { readonly ms: number; readonly late: () => InfraError } | undefined,
    grant: (signal: AbortSignal) => Promise<L>,
  ): Promise<L> {
    const { clock, label } = this.#options;
    const over = new AbortController();
    const timer =
      wait && Number.isFinite(wait.ms) ? clock.setTimeout(() => over.abort(wait.late()), wait.ms) : undefined;
    let granting: Promise<L> | undefined;
    try {
      return await withDeadline(options, Infinity, `${label}.${operation}`, (signal) => {
        granting = grant(AbortSignal.any([signal, over.signal]));
        return Promise.race([granting, rejected(over.signal)]);
      });
    } catch (error) {
      // nobody would hold, nor ever release, what is granted now
      granting?.then((lock) => lock?.release()).catch(() => undefined);
      throw error;
    } finally {
      timer?.[Symbol.dispose]();
    }
  }

  #ttlMs(key: string, options: LockOptions | undefined): number {
    const { checkKey, defaultTtlMs, leastTtlMs = 1 } = this.#options;
    checkKey(key);
    if (options !== undefined && (typeof options !== 'object' || options === null))
      throw this.#error('INVALID_ARGUMENT', `options must be an object, got ${shown(options)}`);
    const ttlMs = options?.ttlMs ?? defaultTtlMs();
    if (!(typeof ttlMs === 'number' && ttlMs >= leastTtlMs && ttlMs <= Number.MAX_SAFE_INTEGER))
      throw this.#error(
        'INVALID_ARGUMENT',
        `ttlMs must be milliseconds ≥ ${leastTtlMs}, got ${shown(ttlMs)}`,
      );
    return Math.ceil(ttlMs);
  }

  #waitMs(waitMs: unknown): number {
    if (typeof waitMs === 'number' && waitMs >= 0) return waitMs;
    throw this.#error('INVALID_ARGUMENT', `waitMs must be milliseconds ≥ 0, got ${shown(waitMs)}`);
  }

  #error(code: InfraError['code'], what: string): InfraError {
    const { label, component, instance } = this.#options;
    return new InfraError(code, `${label}: ${what}`, { component, instance });
  }
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/**
 * Runs `fn` with a lock and releases it when `fn` has settled. Rejects with a `LockLostError` when the lock was lost
 * meanwhile, the error of `fn` as its cause. A release that fails is not told: the store frees the lock after its ttl.
 */
export async function runLocked<L extends Lock, T>(lock: L, fn: (lock: L) => Promise<T>): Promise<T> {
  let outcome: { readonly value: T } | { readonly error: unknown };
  try {
    outcome = { value: await fn(lock) };
  } catch (error) {
    outcome = { error };
  }
  const { signal } = lock;
  await lock.release().catch(() => undefined);
  if (signal.aborted) throw lossOf(signal.reason, outcome);
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

function lossOf(reason: unknown, outcome: object): LockLostError {
  const lost = reason instanceof LockLostError ? reason : new LockLostError(String(reason));
  if (!('error' in outcome)) return lost;
  const { message, component, instance } = lost;
  return new LockLostError(message, { component, instance, cause: outcome.error });
}
