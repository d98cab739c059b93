import type { CallOptions } from '@infra-kit/kernel';

/**
 * Hashes, sets, sorted sets and Bloom filters: entries of other kinds than plain values, under the same keys.
 *
 * - `delete`, `exists`, `expire`, `ttlMs` and `scan` of the cache work on them as on any entry. They do not expire until
 *   `expire` is called: `defaultTtlMs` is for plain values.
 * - A call of the wrong kind for its entry is FAILED_PRECONDITION and changes nothing; `getMany` sees such an entry as a
 *   miss, and `set` replaces whatever is there.
 * - An entry comes with its first field or member and goes with its last; one that is not there is empty.
 * - Each call is one atomic step. Rest parameters may also be one list, followed by options: `add(key, members, options)`.
 * - Values of hashes, members of sets and of sorted sets are typed and go through the codec; two are the same when
 *   their encoded bytes are (with `json`: `{ a, b }` is not `{ b, a }`). Fields of hashes are texts.
 */
export interface CacheHashes {
  /** The value of a field, or `undefined` where there is none. */
  get<T>(key: string, field: string, options?: CallOptions): Promise<T | undefined>;
  /** One answer a field, in their order. */
  getMany<T>(key: string, fields: readonly string[], options?: CallOptions): Promise<(T | undefined)[]>;
  /** All fields with their values; `{}` where there is no entry. */
  getAll<T>(key: string, options?: CallOptions): Promise<Record<string, T>>;
  /** True when the field is new, false when its value was replaced. */
  set(key: string, field: string, value: unknown, options?: CallOptions): Promise<boolean>;
  /** Writes all fields of the record, and leaves others as they are. */
  setMany(key: string, record: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<void>;
  /** How many of the fields were there. */
  delete(key: string, ...fields: string[]): Promise<number>;
  delete(key: string, fields: readonly string[], options?: CallOptions): Promise<number>;
  exists(key: string, field: string, options?: CallOptions): Promise<boolean>;
  /** Number of fields. */
  length(key: string, options?: CallOptions): Promise<number>;
  /** Adds a whole number to a field and answers the sum, by the rules of the cache's `increment`. */
  increment(key: string, field: string, by?: number, options?: CallOptions): Promise<number>;
  /** The names of all fields, in no order that means anything. */
  keys(key: string, options?: CallOptions): Promise<string[]>;
}

/** Sets of typed members, without order. A member that is a list must be given in a list: `add(key, [[1, 2]])`. */
export interface CacheSets {
  /** How many of the members are new. */
  add(key: string, ...members: unknown[]): Promise<number>;
  add(key: string, members: readonly unknown[], options?: CallOptions): Promise<number>;
  /** How many of the members were there. */
  remove(key: string, ...members: unknown[]): Promise<number>;
  remove(key: string, members: readonly unknown[], options?: CallOptions): Promise<number>;
  has(key: string, member: unknown, options?: CallOptions): Promise<boolean>;
  members<T>(key: string, options?: CallOptions): Promise<T[]>;
  /** Number of members. */
  size(key: string, options?: CallOptions): Promise<number>;
  /** Takes some member out, not a chosen one; `undefined` where there is none. With `count`: up to so many, as a list. */
  pop<T>(key: string, options?: CallOptions): Promise<T | undefined>;
  pop<T>(key: string, count: number, options?: CallOptions): Promise<T[]>;
}

export interface CacheScored<T = unknown> {
  readonly member: T;
  /** Any number but NaN. */
  readonly score: number;
}

export interface CacheSortedSetRange extends CallOptions {
  /**
   * Both ends belong to the range. `rank` (default): places from 0, negative ones from the end, -1 the last.
   * `score`: scores, ±Infinity included.
   */
  readonly by?: 'rank' | 'score' | undefined;
  /** Default: the beginning, 0 or -Infinity. */
  readonly from?: number | undefined;
  /** Default: the end, -1 or Infinity. */
  readonly to?: number | undefined;
}

export interface CacheSortedSetQuery extends CacheSortedSetRange {
  /** From the highest score down. Ranks count from there then; score ends may be given in either order. */
  readonly reverse?: boolean | undefined;
  /** At most so many entries, the first ones in the order asked for. */
  readonly limit?: number | undefined;
}

export interface CacheRankOptions extends CallOptions {
  /** Counts from the highest score down. */
  readonly reverse?: boolean | undefined;
}

/** Sets of typed members in the order of their scores, lowest first; equal scores in the order of their encoded bytes. */
export interface CacheSortedSets {
  /** Writes the scores, and answers how many members are new. The last score of a member named twice counts. */
  add(key: string, entries: readonly CacheScored[], options?: CallOptions): Promise<number>;
  /** How many of the members were there. */
  remove(key: string, ...members: unknown[]): Promise<number>;
  remove(key: string, members: readonly unknown[], options?: CallOptions): Promise<number>;
  score(key: string, member: unknown, options?: CallOptions): Promise<number | undefined>;
  /** Adds to the score (none: 0) and answers the sum; FAILED_PRECONDITION where that is no number (Infinity - Infinity). */
  incrementScore(key: string, member: unknown, by?: number, options?: CallOptions): Promise<number>;
  /** The place from 0, or `undefined` for no member. */
  rank(key: string, member: unknown, options?: CacheRankOptions): Promise<number | undefined>;
  /** Entries of a range, with their scores, in order. Without a range: all. */
  range<T>(key: string, query?: CacheSortedSetQuery): Promise<CacheScored<T>[]>;
  /** Members with min ≤ score ≤ max. */
  count(key: string, min: number, max: number, options?: CallOptions): Promise<number>;
  /** Number of members. */
  size(key: string, options?: CallOptions): Promise<number>;
  /** Removes a range, and answers how many members went. */
  removeRange(key: string, range: CacheSortedSetRange): Promise<number>;
}

export interface CacheBloomShape {
  /** How many items it is made for, a whole number ≥ 1; with more the error rate rises. */
  readonly capacity: number;
  /** The share of items never added that `has` takes for added, at capacity; between 0 and 1, both excluded. */
  readonly errorRate: number;
}

/**
 * Bloom filters: sets that answer "certainly not" or "probably". An item that was added is always found. Items are typed
 * and go through the codec, as members of sets. A filter is one entry of -capacity · ln errorRate / 0.48 bits (1.2 MB for a
 * million items at 1 %), all of it allocated by `reserve`; it works on any Redis, without a module. A call is one script
 * that blocks the server while it runs: add hundreds of items at once, not hundreds of thousands.
 */
export interface CacheBlooms {
  /**
   * Makes an empty filter; where there is one of the same shape it does nothing. FAILED_PRECONDITION for one of another
   * shape or an entry of another kind, INVALID_ARGUMENT for a shape beyond the 512 MiB of a Redis string.
   */
  reserve(key: string, options: CacheBloomShape & CallOptions): Promise<void>;
  /** For each item: true when it was certainly not in the filter before. FAILED_PRECONDITION before `reserve`. */
  add(key: string, ...items: unknown[]): Promise<boolean[]>;
  add(key: string, items: readonly unknown[], options?: CallOptions): Promise<boolean[]>;
  /** For each item: false when it was certainly never added. FAILED_PRECONDITION before `reserve`, and when the filter is gone. */
  has(key: string, ...items: unknown[]): Promise<boolean[]>;
  has(key: string, items: readonly unknown[], options?: CallOptions): Promise<boolean[]>;
}
