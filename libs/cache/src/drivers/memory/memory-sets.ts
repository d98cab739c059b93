import type { Encoded } from '../cache-driver.js';
import type { SetDriver } from '../structure-drivers.js';
import type { LruStore } from './lru-store.js';
import { fromBytes, SetMembers, Structures, toBytes, type Stored } from './stored.js';

export class MemorySets implements SetDriver {
  readonly #sets: Structures<SetMembers>;

  constructor(store: LruStore<Stored>) {
    this.#sets = new Structures(store, SetMembers);
  }

  async add(key: string, members: readonly Encoded[]): Promise<number> {
    return this.#sets.change(key, (set) => {
      const before = set.size;
      for (const member of members) set.add(toBytes(member));
      return set.size - before;
    });
  }

  async remove(key: string, members: readonly Encoded[]): Promise<number> {
    return this.#sets.change(key, (set) => members.filter((member) => set.delete(toBytes(member))).length);
  }

  async has(key: string, member: Encoded): Promise<boolean> {
    return this.#sets.find(key)?.has(toBytes(member)) ?? false;
  }

  async members(key: string): Promise<readonly Encoded[]> {
    return [...(this.#sets.find(key) ?? [])].map(fromBytes);
  }

  async size(key: string): Promise<number> {
    return this.#sets.find(key)?.size ?? 0;
  }

  /** The ones that came first. */
  async pop(key: string, count: number): Promise<readonly Encoded[]> {
    return this.#sets.change(key, (set) => {
      const taken: string[] = [];
      for (const member of set) {
        if (taken.length === count) break;
        taken.push(member);
        set.delete(member);
      }
      return taken.map(fromBytes);
    });
  }
}
