import type { CallOptions, ComponentProvider, HealthReport, LockService } from '@infra-kit/kernel';
import type { CacheBlooms, CacheHashes, CacheSets, CacheSortedSets } from './cache.structures.js';
import type { AtomicScript } from './scripts/atomic-script.js';

export interface CacheTtlOptions extends CallOptions {
  /** Milliseconds > 0, fractions rounded up; Infinity: never expires. Default: the configuration's `defaultTtlMs`. */
  readonly ttlMs?: number | undefined;
}

export interface CacheSetOptions extends CacheTtlOptions {
  /** Write only where there is no entry. */
  readonly ifAbsent?: boolean | undefined;
  /** Write only where there is an entry. */
  readonly ifPresent?: boolean | undefined;
  /** Keep the expiry the entry has; not together with `ttlMs`. An entry that is new does not expire. */
  readonly keepTtl?: boolean | undefined;
  /** The entry is a miss, everywhere, once any of them was given to `invalidateTags`. Texts, as keys are. */
  readonly tags?: readonly string[] | undefined;
}

export interface CacheGetOrSetOptions extends CallOptions {
  /** How long a loaded value is fresh: milliseconds > 0, or Infinity. */
  readonly ttlMs: number;
  /** How long after that it is still given out, while one call in the fleet loads it anew in the background. Default 0. */
  readonly staleMs?: number | undefined;
  /** As for `set`. */
  readonly tags?: readonly string[] | undefined;
  /** How eagerly a value is refreshed in the background before it expires (XFetch): 0 never; default 1, the optimum. */
  readonly beta?: number | undefined;
  /** How long a load is another process' alone when this one dies. Default: the configuration's `loadLeaseMs`. */
  readonly loadLeaseMs?: number | undefined;
  /** How long this process remembers that the loader threw, in milliseconds. Default: not at all. */
  readonly negativeTtlMs?: number | undefined;
}

/** Given to a loader. */
export interface CacheLoad {
  /** Aborts when nobody waits for the load any more, or the cache closes. */
  readonly signal: AbortSignal;
}

export interface CacheScripts {
  /**
   * Runs a script as one atomic step. Keys get the prefix; arguments arrive as text; the codec is not involved.
   * Never repeated once it was sent. UNIMPLEMENTED where the driver has no scripts.
   */
  run<R>(
    script: AtomicScript<R>,
    keys: readonly string[],
    args: readonly (string | number)[],
    options?: CallOptions,
  ): Promise<R>;
}

/**
 * A cache of typed values: type, injection token and documentation of the component.
 *
 * - **Keys** are texts of 1 byte to 64 KiB (UTF-8), put behind `keyPrefix` and the prefixes of `namespace`.
 *   **Values** are what the codec can write; `null` is a value, `undefined` is none.
 * - **Errors**: INVALID_ARGUMENT for a bad argument, naming it, with nothing done. With the server dead UNAVAILABLE, with
 *   the server hung DEADLINE_EXCEEDED, both within `commandTimeoutMs`, tries included. DATA_LOSS for a stored value that
 *   does not decode, naming the key. FAILED_PRECONDITION for an entry of another kind, and for every call after `close`.
 * - **Writes** are sent at most once. One that failed with UNAVAILABLE or DEADLINE_EXCEEDED may still be applied.
 * - **Concurrency**: every call may be made at any time. Each is one atomic step on the store, except `setMany`, `scan`,
 *   `deleteByPrefix`, `getOrSet`; over several connections `delete` of several keys; in a cluster every call of several.
 *   Awaited calls of one caller take effect in their order; writes of one key do so awaited or not, but for those that
 *   look first: `set` with `tags`, `ifPresent` or `keepTtl`, `expire`, `getAndSet`, and what finds a void entry.
 * - **Void entries**: one that is stale, or carries an invalidated tag, is a miss, and none to every other call as well,
 *   but to `scan`, `delete` and `deleteByPrefix`, which see what is stored, and to calls of another kind of entry.
 * - **Limits**: each call ends by the nearest of its own `timeoutMs`, the ambient deadline and `commandTimeoutMs`
 *   (`scan`, `deleteByPrefix`: a page; `getOrSet`: its calls to the store, never the loader).
 */
export abstract class CacheProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** The client underneath: ioredis' `Redis` in use now (a reconnect makes another, so do not keep it); undefined in memory. */
  abstract readonly native: unknown;
  abstract readonly hashes: CacheHashes;
  abstract readonly sets: CacheSets;
  abstract readonly sortedSets: CacheSortedSets;
  abstract readonly blooms: CacheBlooms;
  abstract readonly scripts: CacheScripts;
  /**
   * Locks under a lease, by kernel's contract: waiting in order of arrival, `ttlMs` by default `lockTtlMs`. A key here and
   * an entry's key are apart. Tokens rise also after FLUSHALL while the server's clock does not step back. A failover can
   * lose the last write, and so give a lock to a second holder, with a higher token: coord's locks cannot.
   */
  abstract readonly locks: LockService;

  /** The value, or `undefined` for a miss. */
  abstract get<T>(key: string, options?: CallOptions): Promise<T | undefined>;
  /** One answer a key, in their order. */
  abstract getMany<T>(keys: readonly string[], options?: CallOptions): Promise<(T | undefined)[]>;
  /** True when written: always, but for a condition that did not hold. */
  abstract set(key: string, value: unknown, options?: CacheSetOptions): Promise<boolean>;
  /** Each entry by itself: when it rejects, some may be written. */
  abstract setMany(
    entries: Iterable<readonly [key: string, value: unknown]>,
    options?: CacheTtlOptions,
  ): Promise<void>;
  /** `set` with `ifAbsent`: true for the one who wrote. */
  abstract setIfAbsent(key: string, value: unknown, options?: CacheTtlOptions): Promise<boolean>;
  /** Writes, and answers what was there before. */
  abstract getAndSet<T>(key: string, value: unknown, options?: CacheTtlOptions): Promise<T | undefined>;
  /** How many of them were there. */
  abstract delete(...keys: string[]): Promise<number>;
  abstract delete(keys: readonly string[], options?: CallOptions): Promise<number>;
  /** How many of them are there; a key named twice counts twice. */
  abstract exists(...keys: string[]): Promise<number>;
  abstract exists(keys: readonly string[], options?: CallOptions): Promise<number>;
  /**
   * Adds a whole number to a counter and answers the sum; none counts as 0, and a new one does not expire: see `expire`.
   * FAILED_PRECONDITION for an entry that is no whole number; DATA_LOSS for a sum beyond ±(2⁵³ - 1), which changes nothing.
   */
  abstract increment(key: string, by?: number, options?: CallOptions): Promise<number>;
  decrement(key: string, by = 1, options?: CallOptions): Promise<number> {
    return this.increment(key, typeof by === 'number' ? -by : by, options);
  }
  /** Sets the ttl anew from now, a stale time staying behind it; Infinity takes it away. False when there is no entry. */
  abstract expire(key: string, ttlMs: number, options?: CallOptions): Promise<boolean>;
  /** Milliseconds until it is a miss, stale time not counted; Infinity without expiry; `undefined` when there is no entry. */
  abstract ttlMs(key: string, options?: CallOptions): Promise<number | undefined>;
  /**
   * The value, else what `loader` gives, stored for `ttlMs`. Callers in this process who want the same key at once
   * share one load, and its value as one object; other processes wait for that load and take what it stored. A value
   * in its `staleMs`, or about to expire, is answered at once and loaded anew in the background, by one call in the
   * fleet; when that throws, the old value stays and it is tried again after a second. A loader that throws fails those
   * who wait, with that very error, once; of the processes that wait each then loads for itself. With `negativeTtlMs`
   * this process rethrows it for that long, or until the key is written or one of its `tags` invalidated. A caller who
   * gives up leaves alone; when all have
   * given up the load is cancelled. A `set` or `delete` of the key by this process meanwhile wins over the load, and so
   * does one by another process where `near` hears of it; `invalidateTags` of one of the `tags` does in any process: who
   * asks after it does not share a load that began before. A loader that asks for its own key, or for one whose loader
   * waits for this one, is told so: FAILED_PRECONDITION.
   * A stored value that does not decode counts as a miss. With the server away the loader is asked instead, at most
   * `maxFallbackLoads` at once, RESOURCE_EXHAUSTED beyond a tenfold queue.
   */
  abstract getOrSet<T>(
    key: string,
    loader: (load: CacheLoad) => Promise<T>,
    options: CacheGetOrSetOptions,
  ): Promise<T>;
  /**
   * Makes every entry with one of the tags a miss, on all instances, without looking for them. What is loading
   * meanwhile is void too. In a namespace tags have its prefix, as keys have.
   */
  abstract invalidateTags(...tags: string[]): Promise<void>;
  abstract invalidateTags(tags: readonly string[], options?: CallOptions): Promise<void>;
  /**
   * Keys that begin with `prefix`, without the cache's own prefixes. What is there all through the scan comes, now and
   * then twice; what comes or goes meanwhile may come. UNIMPLEMENTED where the driver cannot scan.
   */
  abstract scan(prefix: string, options?: CallOptions): AsyncIterable<string>;
  /** Deletes what `scan` finds, page by page, and answers how many; '' means everything under the cache's prefix. */
  abstract deleteByPrefix(prefix: string, options?: CallOptions): Promise<number>;
  /** Resolves when the server answers. */
  abstract ping(options?: CallOptions): Promise<void>;
  /** The same cache with a longer prefix, over the same connection. */
  abstract namespace(prefix: string): CacheProvider;
  /** Never throws; limited to 2 s. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Idempotent; of a namespace: closes that view alone. A driver object that was passed in stays open. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
