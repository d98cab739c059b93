import type { CallOptions } from '@infra-kit/kernel';
import { invalidArgument, shown, unimplemented } from '../cache.errors.js';
import type { DriverCall, Encoded } from '../drivers/cache-driver.js';
import type { CacheEngine } from './cache-engine.js';
import type { KeySpace } from './key-space.js';
import type { OperationName } from './operation.js';
import { checkOptions } from './write-options.js';

/** What a cache or namespace hands to the fronts of hashes, sets, sorted sets and Bloom filters. */
export interface StructureSetting {
  readonly engine: CacheEngine;
  readonly keys: KeySpace;
  readonly checkOpen: () => void;
}

/** An entry that a call is about, and the part of the driver that knows its kind. */
export interface Target<D> {
  readonly key: string;
  readonly full: string;
  readonly driver: D;
}

/** What those fronts have in common. */
export class StructureCalls<D> {
  readonly #setting: StructureSetting;
  readonly #what: string;
  readonly #driver: D | undefined;

  constructor(setting: StructureSetting, what: string, driver: D | undefined) {
    this.#setting = setting;
    this.#what = what;
    this.#driver = driver;
  }

  /** Checks what every call has. */
  begin(key: string, options: unknown): Target<D> {
    const { engine, keys, checkOpen } = this.#setting;
    checkOpen();
    checkOptions(engine.place, options);
    const full = keys.full(key);
    if (this.#driver === undefined) throw unimplemented(engine.place, this.#what, engine.driver.kind);
    return { key, full, driver: this.#driver };
  }

  read<T>(
    name: OperationName,
    { key }: Target<D>,
    options: CallOptions | undefined,
    call: (call: DriverCall) => Promise<T>,
  ): Promise<T> {
    return this.#setting.engine.runner.run(name, options, call, key);
  }

  /** As `read`, and loads of the key that are under way are not stored over what it writes. */
  write<T>(
    name: OperationName,
    target: Target<D>,
    options: CallOptions | undefined,
    call: (call: DriverCall) => Promise<T>,
  ): Promise<T> {
    this.#setting.engine.loads.supersede(target.full);
    return this.read(name, target, options, call);
  }

  encode({ key }: Target<D>, value: unknown): Encoded {
    return this.#setting.engine.values.encode(key, value);
  }

  encodeAll(target: Target<D>, values: unknown): Encoded[] {
    if (!Array.isArray(values)) throw this.bad('members must be a list', values);
    return values.map((value) => this.encode(target, value));
  }

  decode<T>({ key }: Target<D>, data: Encoded): T {
    return this.#setting.engine.values.decode(key, data) as T;
  }

  /** INVALID_ARGUMENT. */
  bad(rule: string, value: unknown): Error {
    return invalidArgument(this.#setting.engine.place, `${rule}, got ${shown(value)}`);
  }
}
