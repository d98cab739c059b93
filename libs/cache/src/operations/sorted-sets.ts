import type { CallOptions } from '@infra-kit/kernel';
import type {
  CacheRankOptions,
  CacheScored,
  CacheSortedSetQuery,
  CacheSortedSetRange,
  CacheSortedSets,
} from '../cache.structures.js';
import type { DriverRange, ScoredMember, SortedSetDriver } from '../drivers/structure-drivers.js';
import { StructureCalls, type StructureSetting, type Target } from './structure-calls.js';
import { keysAndOptions } from './write-options.js';

const ENDS = { rank: { from: 0, to: -1 }, score: { from: -Infinity, to: Infinity } } as const;

export class SortedSetOperations implements CacheSortedSets {
  readonly #calls: StructureCalls<SortedSetDriver>;

  constructor(setting: StructureSetting) {
    this.#calls = new StructureCalls(setting, 'sorted sets', setting.engine.driver.sortedSets);
  }

  async add(key: string, entries: readonly CacheScored[], options?: CallOptions): Promise<number> {
    const at = this.#calls.begin(key, options);
    if (!Array.isArray(entries)) throw this.#calls.bad('entries must be a list', entries);
    const scored = entries.map((entry: unknown) => this.#scored(at, entry));
    if (scored.length === 0) return 0;
    return this.#calls.write('sortedSets.add', at, options, (call) => at.driver.add(at.full, scored, call));
  }

  async remove(key: string, ...args: unknown[]): Promise<number> {
    const { keys, options } = keysAndOptions(args);
    const at = this.#calls.begin(key, options);
    const members = this.#calls.encodeAll(at, keys);
    if (members.length === 0) return 0;
    return this.#calls.write('sortedSets.remove', at, options, (call) =>
      at.driver.remove(at.full, members, call),
    );
  }

  async score(key: string, member: unknown, options?: CallOptions): Promise<number | undefined> {
    const at = this.#calls.begin(key, options);
    const data = this.#calls.encode(at, member);
    return this.#calls.read('sortedSets.score', at, options, (call) => at.driver.score(at.full, data, call));
  }

  async incrementScore(key: string, member: unknown, by = 1, options?: CallOptions): Promise<number> {
    const at = this.#calls.begin(key, options);
    const data = this.#calls.encode(at, member);
    const step = this.#number('by', by);
    return this.#calls.write('sortedSets.incrementScore', at, options, (call) =>
      at.driver.increment(at.full, data, step, call),
    );
  }

  async rank(key: string, member: unknown, options?: CacheRankOptions): Promise<number | undefined> {
    const at = this.#calls.begin(key, options);
    const data = this.#calls.encode(at, member);
    return this.#calls.read('sortedSets.rank', at, options, (call) =>
      at.driver.rank(at.full, data, options?.reverse === true, call),
    );
  }

  async range<T>(key: string, query?: CacheSortedSetQuery): Promise<CacheScored<T>[]> {
    const at = this.#calls.begin(key, query);
    const { reverse = false, limit } = query ?? {};
    const range = this.#range(query, reverse);
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0))
      throw this.#calls.bad('limit must be a whole number ≥ 0', limit);
    if (limit === 0) return [];
    const found = await this.#calls.read('sortedSets.range', at, query, (call) =>
      at.driver.range(at.full, { ...range, reverse, limit }, call),
    );
    return found.map(({ member, score }) => ({ member: this.#calls.decode<T>(at, member), score }));
  }

  async count(key: string, min: number, max: number, options?: CallOptions): Promise<number> {
    const at = this.#calls.begin(key, options);
    const [low, high] = [this.#number('min', min), this.#number('max', max)];
    return this.#calls.read('sortedSets.count', at, options, (call) =>
      at.driver.count(at.full, low, high, call),
    );
  }

  async size(key: string, options?: CallOptions): Promise<number> {
    const at = this.#calls.begin(key, options);
    return this.#calls.read('sortedSets.size', at, options, (call) => at.driver.size(at.full, call));
  }

  /** The range must be given: everything goes by `delete`. */
  async removeRange(key: string, range: CacheSortedSetRange): Promise<number> {
    const at = this.#calls.begin(key, range);
    if (range?.from === undefined && range?.to === undefined)
      throw this.#calls.bad('a range to remove must name from, to or both', range);
    const places = this.#range(range, false);
    return this.#calls.write('sortedSets.removeRange', at, range, (call) =>
      at.driver.removeRange(at.full, places, call),
    );
  }

  #scored(at: Target<SortedSetDriver>, entry: unknown): ScoredMember {
    if (typeof entry !== 'object' || entry === null || !('member' in entry) || !('score' in entry))
      throw this.#calls.bad('an entry must be { member, score }', entry);
    return { member: this.#calls.encode(at, entry.member), score: this.#number('score', entry.score) };
  }

  #range(range: CacheSortedSetRange | undefined, reverse: boolean): DriverRange {
    const by: unknown = range?.by ?? 'rank';
    if (by !== 'rank' && by !== 'score') throw this.#calls.bad("by must be 'rank' or 'score'", by);
    const ends = [range?.from ?? ENDS[by].from, range?.to ?? ENDS[by].to] as const;
    const [from, to] = ends;
    if (by === 'score') {
      const [low, high] = [this.#number('from', from), this.#number('to', to)];
      return reverse && low > high ? { by, from: high, to: low } : { by, from: low, to: high };
    }
    for (const rank of ends)
      if (!Number.isSafeInteger(rank)) throw this.#calls.bad('ranks must be whole numbers', rank);
    return { by, from, to };
  }

  /** NaN has no place in an order; -0 is 0. */
  #number(what: string, value: unknown): number {
    if (typeof value !== 'number' || Number.isNaN(value))
      throw this.#calls.bad(`${what} must be a number`, value);
    return value + 0;
  }
}
