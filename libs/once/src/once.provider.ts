import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';

/** Where a key is kept: in the cache, under a lease; or in PostgreSQL, in the transaction of the effect itself. */
export type OnceStoreKind = 'cache' | 'db';

/** Given to the function that has the effect. */
export interface OnceCall {
  readonly key: string;
  /** Rises with every run of the key: hand it to what the effect touches, which refuses lower ones. 0n: unprotected (`onStoreError: 'open'`). */
  readonly fence: bigint;
  /** Aborts when the lease is lost, with an `OnceLeaseLostError`, or when the caller gives up. */
  readonly signal: AbortSignal;
}

/** Which key is meant: `scope` and `store` as `execute` had them. */
export interface OnceAddress extends CallOptions {
  /** Whose key it is: a tenant, a user, an operation. Equal keys of two scopes never meet. Default: ''. */
  readonly scope?: string | undefined;
  /** Default: the configuration's. */
  readonly store?: OnceStoreKind | undefined;
}

export interface OnceOptions extends OnceAddress {
  /** How long a result is replayed: whole milliseconds ≥ 1. Default: the configuration's, 24 h. */
  readonly ttlMs?: number | undefined;
  /** How long the key of an owner that died stays taken: whole milliseconds ≥ 1. Default: the configuration's, 30 s. */
  readonly leaseMs?: number | undefined;
  /** What a second call does while the first runs: `OnceInProgressError` at once (the default), or wait for its result. */
  readonly onInFlight?: 'reject' | 'wait' | undefined;
  /** How long `wait` waits before `OnceInProgressError`, in milliseconds; default 10,000. */
  readonly waitMs?: number | undefined;
  /** What is asked for: a value JSON can write. A second call with another one is an `OnceMismatchError`. */
  readonly fingerprint?: unknown;
  /** True for errors to be kept and replayed, as results are. Default: none; a failure frees the key, also where this throws. */
  readonly storeError?: ((error: unknown) => boolean) | undefined;
  /** Results whose JSON is longer are not kept, only that the effect has happened. Default: the configuration's, 64 KiB. */
  readonly maxResultBytes?: number | undefined;
}

export interface OnceResult<T> {
  readonly value: T;
  /** True: it had run before, and this is what it gave then. */
  readonly replayed: boolean;
}

/** What is known of a key. Times are epoch milliseconds by the store's clock. */
export interface OnceRecord {
  readonly status: 'running' | 'done';
  readonly fence: bigint;
  readonly startedAt: number;
  readonly doneAt?: number | undefined;
  /** Of a running one: when its lease ends, unless it is renewed. */
  readonly expiresAt: number;
  /** Hash of the canonical JSON. */
  readonly fingerprint?: string | undefined;
  /** The result, as JSON gives it; undefined also for an error that was kept, and a result that was not. */
  readonly value?: unknown;
}

/**
 * Makes an effect happen once, however often it is asked for: type, injection token and documentation of the component.
 *
 * - A key is `running` under a lease, renewed every third of it while the function runs, or `done` for `ttlMs`. The key
 *   of an owner that died is free after `leaseMs`; of one that failed, at once.
 * - The result is stored before the caller has it, and comes back as JSON gives it, to the first caller too.
 * - **Store `cache`**: an owner that dies between its effect and the storing of its result leaves the key free after
 *   `leaseMs`: a retry has the effect again. **Store `db`**: key, effect and result are one PostgreSQL transaction: the
 *   running one, else a new one around the function, which may be run again whole after a serialization failure.
 * - **Errors**: INVALID_ARGUMENT for a bad argument, with nothing run; `OnceInProgressError`, `OnceMismatchError`,
 *   `OnceResultGoneError`, `OnceLeaseLostError`; UNAVAILABLE when the store is away: before the function nothing has
 *   run, after it the effect may have happened. The function's own error comes out as it is.
 * - **Limits**: `timeoutMs` and `signal` end the caller's waiting, and abort the function's signal; a function that runs
 *   on regardless still completes its key.
 */
export abstract class OnceProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** Runs `fn`, unless the key is done: then its result is replayed. */
  abstract execute<T>(
    key: string,
    fn: (call: OnceCall) => Promise<T>,
    options?: OnceOptions,
  ): Promise<OnceResult<T>>;
  /** As `execute`. True: ran now; false: had run before. */
  abstract do(key: string, fn: (call: OnceCall) => Promise<unknown>, options?: OnceOptions): Promise<boolean>;
  /** What the running function was given: its key, fence and signal, for code further in, as behind `@Idempotent`. */
  abstract current(): OnceCall | undefined;
  /** In the db store a key that runs in another transaction has fence 0n. */
  abstract get(key: string, options?: OnceAddress): Promise<OnceRecord | undefined>;
  /** Forgets the key: true when there was one. A running owner in the cache store loses its lease; in the db store it goes on. */
  abstract clear(key: string, options?: OnceAddress): Promise<boolean>;
  /** Forgets the keys of the scope that begin so; '' for all. How many there were. */
  abstract clearByPrefix(prefix: string, options?: OnceAddress): Promise<number>;
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Waits for what runs, within the limits of the shutdown. Idempotent. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
