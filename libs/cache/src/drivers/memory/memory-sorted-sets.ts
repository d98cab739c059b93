import { InfraError } from '@infra-kit/kernel';
import type { Encoded } from '../cache-driver.js';
import type { DriverRange, DriverRangeQuery, ScoredMember, SortedSetDriver } from '../structure-drivers.js';
import type { LruStore } from './lru-store.js';
import { SortedMembers } from './sorted-members.js';
import { fromBytes, Structures, toBytes, type Stored } from './stored.js';

export class MemorySortedSets implements SortedSetDriver {
  readonly #sets: Structures<SortedMembers>;

  constructor(store: LruStore<Stored>) {
    this.#sets = new Structures(store, SortedMembers);
  }

  async add(key: string, entries: readonly ScoredMember[]): Promise<number> {
    return this.#sets.change(
      key,
      (set) => entries.filter(({ member, score }) => set.set(toBytes(member), score)).length,
    );
  }

  async remove(key: string, members: readonly Encoded[]): Promise<number> {
    return this.#sets.change(key, (set) => members.filter((member) => set.delete(toBytes(member))).length);
  }

  async score(key: string, member: Encoded): Promise<number | undefined> {
    return this.#sets.find(key)?.score(toBytes(member));
  }

  async increment(key: string, member: Encoded, by: number): Promise<number> {
    return this.#sets.change(key, (set) => {
      const bytes = toBytes(member);
      const sum = (set.score(bytes) ?? 0) + by;
      if (Number.isNaN(sum)) throw new InfraError('FAILED_PRECONDITION', 'the sum is not a number');
      set.set(bytes, sum);
      return sum;
    });
  }

  async rank(key: string, member: Encoded, reverse: boolean): Promise<number | undefined> {
    const set = this.#sets.find(key);
    const rank = set?.rank(toBytes(member));
    return set === undefined || rank === undefined || !reverse ? rank : set.size - 1 - rank;
  }

  async range(key: string, query: DriverRangeQuery): Promise<readonly ScoredMember[]> {
    const set = this.#sets.find(key);
    if (set === undefined) return [];
    const [from, end] = places(set, query, query.reverse);
    const found = set.slice(from, end);
    if (query.reverse) found.reverse();
    return found.slice(0, query.limit).map(({ bytes, score }) => ({ member: fromBytes(bytes), score }));
  }

  async count(key: string, min: number, max: number): Promise<number> {
    const set = this.#sets.find(key);
    return set === undefined ? 0 : Math.max(0, set.below(max, true) - set.below(min));
  }

  async size(key: string): Promise<number> {
    return this.#sets.find(key)?.size ?? 0;
  }

  async removeRange(key: string, range: DriverRange): Promise<number> {
    return this.#sets.change(key, (set) => {
      const gone = set.slice(...places(set, range, false));
      for (const { bytes } of gone) set.delete(bytes);
      return gone.length;
    });
  }
}

/** A range as places from the lowest score: the first one, and the one after the last. */
function places(set: SortedMembers, { by, from, to }: DriverRange, reverse: boolean): [number, number] {
  if (by === 'score') return [set.below(from), set.below(to, true)];
  const place = (rank: number): number => (rank < 0 ? rank + set.size : rank);
  const [first, last] = [Math.max(0, place(from)), Math.min(set.size - 1, place(to))];
  if (last < first) return [0, 0];
  return reverse ? [set.size - 1 - last, set.size - first] : [first, last + 1];
}
