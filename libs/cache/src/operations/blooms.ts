import { InfraError, type CallOptions } from '@infra-kit/kernel';
import { shown } from '../cache.errors.js';
import type { CacheBlooms, CacheBloomShape } from '../cache.structures.js';
import type { CacheDriver } from '../drivers/cache-driver.js';
import type { AtomicScript } from '../scripts/atomic-script.js';
import {
  bloomBytes,
  bloomDigest,
  bloomHead,
  bloomShape,
  parseHead,
  type BloomShape,
} from './bloom-filter.js';
import { addToBloom, hasInBloom, reserveBloom } from './bloom-scripts.js';
import { StructureCalls, type StructureSetting, type Target } from './structure-calls.js';
import { keysAndOptions } from './write-options.js';

type Asked = AtomicScript<boolean[] | undefined>;

export class BloomOperations implements CacheBlooms {
  readonly #calls: StructureCalls<CacheDriver>;
  readonly #setting: StructureSetting;

  constructor(setting: StructureSetting) {
    const { driver } = setting.engine;
    this.#setting = setting;
    this.#calls = new StructureCalls(
      setting,
      'scripts, which Bloom filters need',
      driver.capabilities.scripts ? driver : undefined,
    );
  }

  async reserve(key: string, options: CacheBloomShape & CallOptions): Promise<void> {
    const at = this.#calls.begin(key, options);
    const shape = this.#shape(options);
    const args = [bloomHead(shape), String(bloomBytes(shape))];
    const reply = await this.#calls.write('blooms.reserve', at, options, (call) =>
      at.driver.run(reserveBloom, [at.full], args, call),
    );
    const outcome = reserveBloom.decode(reply);
    if (outcome === 'new') return;
    if (outcome === 'other') throw this.#refusal('reserve', at, 'holds something that is no Bloom filter');
    const present = parseHead(outcome.head);
    if (present?.capacity === shape.capacity && present.errorRate === shape.errorRate) return;
    const what = `holds a Bloom filter for ${present?.capacity} items at ${present?.errorRate}; reserve the same, or delete it first`;
    throw this.#refusal('reserve', at, what);
  }

  async add(key: string, ...args: unknown[]): Promise<boolean[]> {
    const { at, digests, options } = this.#items(key, args);
    if (digests.length === 0) return [];
    const reply = await this.#calls.write('blooms.add', at, options, (call) =>
      at.driver.run(addToBloom, [at.full], digests, call),
    );
    return this.#answers('add', at, addToBloom, reply);
  }

  async has(key: string, ...args: unknown[]): Promise<boolean[]> {
    const { at, digests, options } = this.#items(key, args);
    if (digests.length === 0) return [];
    const reply = await this.#calls.read('blooms.has', at, options, (call) =>
      at.driver.run(hasInBloom, [at.full], digests, call),
    );
    return this.#answers('has', at, hasInBloom, reply);
  }

  #shape(options: CacheBloomShape | undefined): BloomShape {
    const { capacity, errorRate } = options ?? {};
    if (typeof capacity !== 'number' || !Number.isSafeInteger(capacity) || capacity < 1)
      throw this.#calls.bad('capacity must be a whole number ≥ 1', capacity);
    if (typeof errorRate !== 'number' || !(errorRate > 0 && errorRate < 1))
      throw this.#calls.bad('errorRate must lie between 0 and 1, both excluded', errorRate);
    const shape = bloomShape(capacity, errorRate);
    if (shape === undefined)
      throw this.#calls.bad(
        'capacity and errorRate must fit a filter of 512 MiB; divide the items among filters',
        `${capacity} at ${errorRate}`,
      );
    return shape;
  }

  #items(
    key: string,
    args: readonly unknown[],
  ): { at: Target<CacheDriver>; digests: string[]; options: CallOptions | undefined } {
    const { keys: items, options } = keysAndOptions(args);
    const at = this.#calls.begin(key, options);
    return { at, digests: this.#calls.encodeAll(at, items).map(bloomDigest), options };
  }

  #answers(
    call: string,
    at: Target<CacheDriver>,
    script: Asked,
    reply: Parameters<Asked['decode']>[0],
  ): boolean[] {
    const answers = script.decode(reply);
    if (answers !== undefined) return answers;
    throw this.#refusal(call, at, 'holds no Bloom filter; call reserve(key, { capacity, errorRate }) first');
  }

  #refusal(call: string, { key }: Target<CacheDriver>, what: string): InfraError {
    const { place } = this.#setting.engine;
    return new InfraError('FAILED_PRECONDITION', `${place.label}.blooms.${call}: key ${shown(key)} ${what}`, {
      component: 'cache',
      instance: place.name,
    });
  }
}
