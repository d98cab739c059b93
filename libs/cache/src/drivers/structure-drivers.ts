import type { DriverCall, Encoded } from './driver-call.js';

/**
 * The kinds of entries beside plain values. The rules of `CacheDriver` hold: every method is one atomic step, rejects
 * with the client's raw error, and finds an expired entry absent. An entry of another kind is FAILED_PRECONDITION by
 * `codeOf`. Writes keep the entry's expiry; a new entry has none; one that becomes empty is gone.
 * Lists that are given hold at least one item.
 */
export interface HashDriver {
  /** One answer a field, in their order. */
  get(key: string, fields: readonly string[], call: DriverCall): Promise<readonly (Encoded | undefined)[]>;
  getAll(key: string, call: DriverCall): Promise<readonly (readonly [field: string, value: Encoded])[]>;
  /** How many fields are new. No field comes twice. */
  set(
    key: string,
    entries: readonly (readonly [field: string, value: Encoded])[],
    call: DriverCall,
  ): Promise<number>;
  /** How many were there. */
  delete(key: string, fields: readonly string[], call: DriverCall): Promise<number>;
  exists(key: string, field: string, call: DriverCall): Promise<boolean>;
  length(key: string, call: DriverCall): Promise<number>;
  /** By the rules of `CacheDriver.increment`. */
  increment(key: string, field: string, by: number, call: DriverCall): Promise<number>;
  keys(key: string, call: DriverCall): Promise<readonly string[]>;
}

/** Members are the same when their bytes are. */
export interface SetDriver {
  /** How many are new. */
  add(key: string, members: readonly Encoded[], call: DriverCall): Promise<number>;
  /** How many were there. */
  remove(key: string, members: readonly Encoded[], call: DriverCall): Promise<number>;
  has(key: string, member: Encoded, call: DriverCall): Promise<boolean>;
  members(key: string, call: DriverCall): Promise<readonly Encoded[]>;
  size(key: string, call: DriverCall): Promise<number>;
  /** Takes up to `count` ≥ 1 members out. */
  pop(key: string, count: number, call: DriverCall): Promise<readonly Encoded[]>;
}

export interface ScoredMember {
  readonly member: Encoded;
  /** Not NaN, not -0. */
  readonly score: number;
}

/** Both ends belong to it. By rank: whole numbers, negative ones from the end. By score: from ≤ to, or nothing is in it. */
export interface DriverRange {
  readonly by: 'rank' | 'score';
  readonly from: number;
  readonly to: number;
}

export interface DriverRangeQuery extends DriverRange {
  /** From the highest score down; ranks count from there then, while `from` stays the lower score. */
  readonly reverse: boolean;
  /** ≥ 1 */
  readonly limit: number | undefined;
}

/** Lowest score first; equal scores in the order of the members' bytes. */
export interface SortedSetDriver {
  /** How many are new. The last score of a member named twice counts. */
  add(key: string, entries: readonly ScoredMember[], call: DriverCall): Promise<number>;
  /** How many were there. */
  remove(key: string, members: readonly Encoded[], call: DriverCall): Promise<number>;
  score(key: string, member: Encoded, call: DriverCall): Promise<number | undefined>;
  /** A sum that is NaN is FAILED_PRECONDITION and changes nothing. */
  increment(key: string, member: Encoded, by: number, call: DriverCall): Promise<number>;
  rank(key: string, member: Encoded, reverse: boolean, call: DriverCall): Promise<number | undefined>;
  range(key: string, query: DriverRangeQuery, call: DriverCall): Promise<readonly ScoredMember[]>;
  count(key: string, min: number, max: number, call: DriverCall): Promise<number>;
  size(key: string, call: DriverCall): Promise<number>;
  removeRange(key: string, range: DriverRange, call: DriverCall): Promise<number>;
}
