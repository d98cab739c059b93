import type { Encoded } from '../cache-driver.js';
import type { HashDriver } from '../structure-drivers.js';
import { addedExactly } from './counter.js';
import type { LruStore } from './lru-store.js';
import { HashFields, Structures, type Stored } from './stored.js';

/** Bytes are copied in and out, as those of plain values are. */
const own = (value: Encoded): Encoded => (typeof value === 'string' ? value : Buffer.from(value));

export class MemoryHashes implements HashDriver {
  readonly #hashes: Structures<HashFields>;

  constructor(store: LruStore<Stored>) {
    this.#hashes = new Structures(store, HashFields);
  }

  async get(key: string, fields: readonly string[]): Promise<readonly (Encoded | undefined)[]> {
    const hash = this.#hashes.find(key);
    return fields.map((field) => {
      const value = hash?.get(field);
      return value === undefined ? undefined : own(value);
    });
  }

  async getAll(key: string): Promise<readonly (readonly [string, Encoded])[]> {
    return [...(this.#hashes.find(key) ?? [])].map(([field, value]) => [field, own(value)]);
  }

  async set(key: string, entries: readonly (readonly [string, Encoded])[]): Promise<number> {
    return this.#hashes.change(key, (hash) => {
      const before = hash.size;
      for (const [field, value] of entries) hash.set(field, own(value));
      return hash.size - before;
    });
  }

  async delete(key: string, fields: readonly string[]): Promise<number> {
    return this.#hashes.change(key, (hash) => fields.filter((field) => hash.delete(field)).length);
  }

  async exists(key: string, field: string): Promise<boolean> {
    return this.#hashes.find(key)?.has(field) ?? false;
  }

  async length(key: string): Promise<number> {
    return this.#hashes.find(key)?.size ?? 0;
  }

  async increment(key: string, field: string, by: number): Promise<number> {
    return this.#hashes.change(key, (hash) => {
      const sum = addedExactly(hash.get(field), by);
      hash.set(field, String(sum));
      return sum;
    });
  }

  async keys(key: string): Promise<readonly string[]> {
    return [...(this.#hashes.find(key)?.keys() ?? [])];
  }
}
