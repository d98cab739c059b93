import type { CallOptions } from '@infra-kit/kernel';
import type { CacheSets } from '../cache.structures.js';
import type { Encoded } from '../drivers/cache-driver.js';
import type { SetDriver } from '../drivers/structure-drivers.js';
import { StructureCalls, type StructureSetting, type Target } from './structure-calls.js';
import { keysAndOptions } from './write-options.js';

export class SetOperations implements CacheSets {
  readonly #calls: StructureCalls<SetDriver>;

  constructor(setting: StructureSetting) {
    this.#calls = new StructureCalls(setting, 'sets', setting.engine.driver.sets);
  }

  async add(key: string, ...args: unknown[]): Promise<number> {
    const { at, members, options } = this.#members(key, args);
    if (members.length === 0) return 0;
    return this.#calls.write('sets.add', at, options, (call) => at.driver.add(at.full, members, call));
  }

  async remove(key: string, ...args: unknown[]): Promise<number> {
    const { at, members, options } = this.#members(key, args);
    if (members.length === 0) return 0;
    return this.#calls.write('sets.remove', at, options, (call) => at.driver.remove(at.full, members, call));
  }

  async has(key: string, member: unknown, options?: CallOptions): Promise<boolean> {
    const at = this.#calls.begin(key, options);
    const data = this.#calls.encode(at, member);
    return this.#calls.read('sets.has', at, options, (call) => at.driver.has(at.full, data, call));
  }

  async members<T>(key: string, options?: CallOptions): Promise<T[]> {
    const at = this.#calls.begin(key, options);
    const found = await this.#calls.read('sets.members', at, options, (call) =>
      at.driver.members(at.full, call),
    );
    return found.map((data) => this.#calls.decode<T>(at, data));
  }

  async size(key: string, options?: CallOptions): Promise<number> {
    const at = this.#calls.begin(key, options);
    return this.#calls.read('sets.size', at, options, (call) => at.driver.size(at.full, call));
  }

  pop<T>(key: string, options?: CallOptions): Promise<T | undefined>;
  pop<T>(key: string, count: number, options?: CallOptions): Promise<T[]>;
  async pop<T>(key: string, ...args: unknown[]): Promise<T | undefined | T[]> {
    if (args[0] === undefined || typeof args[0] === 'object') {
      const [member] = await this.#take<T>(key, 1, args[0] ?? args[1]);
      return member;
    }
    return this.#take<T>(key, args[0], args[1]);
  }

  async #take<T>(key: string, count: unknown, options: unknown): Promise<T[]> {
    const at = this.#calls.begin(key, options);
    if (!Number.isSafeInteger(count) || Number(count) < 0)
      throw this.#calls.bad('count must be a whole number ≥ 0', count);
    if (count === 0) return [];
    const taken = await this.#calls.write('sets.pop', at, options as CallOptions | undefined, (call) =>
      at.driver.pop(at.full, Number(count), call),
    );
    return taken.map((data) => this.#calls.decode<T>(at, data));
  }

  #members(
    key: string,
    args: readonly unknown[],
  ): { at: Target<SetDriver>; members: Encoded[]; options: CallOptions | undefined } {
    const { keys: members, options } = keysAndOptions(args);
    const at = this.#calls.begin(key, options);
    return { at, members: this.#calls.encodeAll(at, members), options };
  }
}
