import type { CallOptions } from '@infra-kit/kernel';
import { inexactCounter } from '../cache.errors.js';
import type { CacheHashes } from '../cache.structures.js';
import type { HashDriver } from '../drivers/structure-drivers.js';
import { StructureCalls, type StructureSetting, type Target } from './structure-calls.js';
import { keysAndOptions } from './write-options.js';

export class HashOperations implements CacheHashes {
  readonly #calls: StructureCalls<HashDriver>;
  readonly #setting: StructureSetting;

  constructor(setting: StructureSetting) {
    this.#setting = setting;
    this.#calls = new StructureCalls(setting, 'hashes', setting.engine.driver.hashes);
  }

  async get<T>(key: string, field: string, options?: CallOptions): Promise<T | undefined> {
    const [value] = await this.getMany<T>(key, [field], options);
    return value;
  }

  async getMany<T>(
    key: string,
    fields: readonly string[],
    options?: CallOptions,
  ): Promise<(T | undefined)[]> {
    const at = this.#calls.begin(key, options);
    const names = this.#fields(fields);
    if (names.length === 0) return [];
    const found = await this.#calls.read('hashes.get', at, options, (call) =>
      at.driver.get(at.full, names, call),
    );
    return found.map((data) => (data === undefined ? undefined : this.#calls.decode<T>(at, data)));
  }

  async getAll<T>(key: string, options?: CallOptions): Promise<Record<string, T>> {
    const at = this.#calls.begin(key, options);
    const found = await this.#calls.read('hashes.getAll', at, options, (call) =>
      at.driver.getAll(at.full, call),
    );
    return Object.fromEntries(found.map(([field, data]) => [field, this.#calls.decode<T>(at, data)]));
  }

  async set(key: string, field: string, value: unknown, options?: CallOptions): Promise<boolean> {
    const at = this.#calls.begin(key, options);
    return (await this.#write(at, [[this.#field(field), value]], options)) === 1;
  }

  async setMany(
    key: string,
    record: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<void> {
    const at = this.#calls.begin(key, options);
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      throw this.#calls.bad('a record of fields and values must be an object', record);
    const entries = Object.entries(record).map(([field, value]) => [this.#field(field), value] as const);
    if (entries.length > 0) await this.#write(at, entries, options);
  }

  async delete(key: string, ...args: unknown[]): Promise<number> {
    const { keys, options } = keysAndOptions(args);
    const at = this.#calls.begin(key, options);
    const names = this.#fields(keys);
    if (names.length === 0) return 0;
    return this.#calls.write('hashes.delete', at, options, (call) => at.driver.delete(at.full, names, call));
  }

  async exists(key: string, field: string, options?: CallOptions): Promise<boolean> {
    const at = this.#calls.begin(key, options);
    const name = this.#field(field);
    return this.#calls.read('hashes.exists', at, options, (call) => at.driver.exists(at.full, name, call));
  }

  async length(key: string, options?: CallOptions): Promise<number> {
    const at = this.#calls.begin(key, options);
    return this.#calls.read('hashes.length', at, options, (call) => at.driver.length(at.full, call));
  }

  async increment(key: string, field: string, by = 1, options?: CallOptions): Promise<number> {
    const at = this.#calls.begin(key, options);
    const name = this.#field(field);
    if (!Number.isSafeInteger(by)) throw this.#calls.bad('by must be a whole number', by);
    const sum = await this.#calls.write('hashes.increment', at, options, (call) =>
      at.driver.increment(at.full, name, by, call),
    );
    if (!Number.isSafeInteger(sum)) throw inexactCounter(this.#setting.engine.place, key);
    return sum;
  }

  async keys(key: string, options?: CallOptions): Promise<string[]> {
    const at = this.#calls.begin(key, options);
    return [...(await this.#calls.read('hashes.keys', at, options, (call) => at.driver.keys(at.full, call)))];
  }

  #write(
    at: Target<HashDriver>,
    entries: readonly (readonly [string, unknown])[],
    options: CallOptions | undefined,
  ): Promise<number> {
    const encoded = entries.map(([field, value]) => [field, this.#calls.encode(at, value)] as const);
    return this.#calls.write('hashes.set', at, options, (call) => at.driver.set(at.full, encoded, call));
  }

  #fields(fields: unknown): string[] {
    if (!Array.isArray(fields)) throw this.#calls.bad('fields must be a list', fields);
    return fields.map((field) => this.#field(field));
  }

  /** Half a character would become another one on the wire, and two fields one. */
  #field(field: unknown): string {
    if (typeof field === 'string' && field.isWellFormed()) return field;
    throw this.#calls.bad('a field must be a text of well-formed Unicode', field);
  }
}
