import type { Attributes } from '@opentelemetry/api';
import type { CallOptions, HealthReport, LockService } from '@infra-kit/kernel';
import { closedError, invalidArgument, shown } from './cache.errors.js';
import {
  CacheProvider,
  type CacheGetOrSetOptions,
  type CacheLoad,
  type CacheScripts,
  type CacheSetOptions,
  type CacheTtlOptions,
} from './cache.provider.js';
import type { CacheBlooms, CacheHashes, CacheSets, CacheSortedSets } from './cache.structures.js';
import { readsCounter } from './cache.telemetry.js';
import type { CacheDriver, Encoded } from './drivers/cache-driver.js';
import { BloomOperations } from './operations/blooms.js';
import type { CallRunner } from './operations/call-runner.js';
import type { CacheEngine } from './operations/cache-engine.js';
import { needsLook } from './operations/entry-reader.js';
import { HashOperations } from './operations/hashes.js';
import { reportHealth } from './operations/health.js';
import type { KeySpace } from './operations/key-space.js';
import { lockService } from './operations/lock-service.js';
import type { NearEntry } from './operations/near-cache.js';
import { scanPages } from './operations/scan.js';
import { ScriptRunner } from './operations/script-runner.js';
import { markedEntry, metaOf } from './operations/stored-entry.js';
import { SetOperations } from './operations/sets.js';
import { SortedSetOperations } from './operations/sorted-sets.js';
import {
  areSound,
  checkOptions,
  driverTtl,
  driverWrite,
  keysAndOptions,
  pairsOf,
} from './operations/write-options.js';

/** The front: checks, prefixes, codec and order of events, over any driver. */
export class DefaultCacheProvider extends CacheProvider {
  override readonly name: string;
  override readonly hashes: CacheHashes;
  override readonly sets: CacheSets;
  override readonly sortedSets: CacheSortedSets;
  override readonly blooms: CacheBlooms;
  override readonly scripts: CacheScripts;
  override readonly locks: LockService;
  readonly #engine: CacheEngine;
  readonly #driver: CacheDriver;
  readonly #keys: KeySpace;
  readonly #runner: CallRunner;
  readonly #closeEngine: (() => Promise<void>) | undefined;
  readonly #hit: Attributes;
  readonly #miss: Attributes;
  /** What the near level has for keys of this name space, by those keys. */
  readonly #known = new Map<string, NearEntry>();
  #closed = false;

  /** `closeEngine` is absent in a namespace, which closes alone. */
  constructor(engine: CacheEngine, keys: KeySpace, closeEngine?: () => Promise<void>) {
    super();
    this.name = engine.place.name;
    this.#engine = engine;
    this.#driver = engine.driver;
    this.#keys = keys;
    this.#runner = engine.runner;
    this.#closeEngine = closeEngine;
    this.#hit = { cache: this.name, result: 'hit' };
    this.#miss = { cache: this.name, result: 'miss' };
    const checkOpen = (): void => this.#checkOpen();
    this.hashes = new HashOperations({ engine, keys, checkOpen });
    this.sets = new SetOperations({ engine, keys, checkOpen });
    this.sortedSets = new SortedSetOperations({ engine, keys, checkOpen });
    this.blooms = new BloomOperations({ engine, keys, checkOpen });
    this.scripts = new ScriptRunner(engine, keys, checkOpen);
    this.locks = lockService(engine, keys, checkOpen);
  }

  override get native(): unknown {
    return this.#driver.native;
  }

  /** A hit of the near level takes the short way, which throws nothing and has nothing to wait for. */
  override get<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    const known = this.#closed ? undefined : this.#engine.near?.known(key, options, this.#known);
    return known === undefined ? this.#get(key, options) : Promise.resolve(known as T);
  }

  async #get<T>(key: string, options: CallOptions | undefined): Promise<T | undefined> {
    const full = this.#key(key, options);
    const kept = this.#engine.near?.read(full, key, this.#known);
    if (kept !== undefined) return this.#engine.runner.answer('get', options, kept as T);
    const step = this.#runner.steps(options);
    const data = await this.#runner.run('get', step(), (call) => this.#driver.get(full, call), key);
    if (!needsLook(metaOf(data))) return this.#found<T>(key, data);
    const [fresh] = await this.#engine.entries.fresh([full], [data], step());
    return this.#found<T>(key, fresh);
  }

  override async getMany<T>(keys: readonly string[], options?: CallOptions): Promise<(T | undefined)[]> {
    const full = this.#keyList(keys, options);
    if (full.length === 0) return [];
    const { near, entries, runner } = this.#engine;
    const kept = full.map((each, index) => near?.read(each, keys[index] ?? ''));
    const missing = near === undefined ? full : full.filter((_key, index) => kept[index] === undefined);
    if (missing.length === 0) return runner.answer('getMany', options, kept as T[]);
    const step = this.#runner.steps(options);
    const found = await this.#runner.run('getMany', step(), (call) => this.#driver.getMany(missing, call));
    const fresh = await entries.fresh(missing, found, step());
    let next = 0;
    return keys.map((key, index) =>
      kept[index] === undefined ? this.#found<T>(key, fresh[next++]) : (kept[index] as T),
    );
  }

  override async set(key: string, value: unknown, options?: CacheSetOptions): Promise<boolean> {
    const full = this.#key(key, options);
    const tagKeys = this.#engine.tags.keysOf(this.#keys, options?.tags);
    let data = this.#engine.values.encode(key, value);
    const write = driverWrite(this.#engine.place, options, this.#engine.settings().defaultTtlMs);
    this.#engine.loads.supersede(full);
    const step = this.#runner.steps(options);
    if (tagKeys.length > 0) {
      const tags = await this.#engine.tags.ensure(tagKeys, write.ttlMs, step());
      data = markedEntry(data, { tags });
    }
    return this.#engine.living.write({ key, fullKey: full }, data, write, step);
  }

  override async setMany(
    entries: Iterable<readonly [string, unknown]>,
    options?: CacheTtlOptions,
  ): Promise<void> {
    this.#checkOpen();
    const write = driverWrite(this.#engine.place, options, this.#engine.settings().defaultTtlMs);
    const encoded = pairsOf(this.#engine.place, entries).map(
      ([key, value]) => [this.#keys.full(key), this.#engine.values.encode(key, value)] as const,
    );
    if (encoded.length === 0) return;
    for (const [full] of encoded) this.#engine.loads.supersede(full);
    await this.#runner.run('setMany', options, (call) => this.#driver.setMany(encoded, write, call));
  }

  override async setIfAbsent(key: string, value: unknown, options?: CacheTtlOptions): Promise<boolean> {
    checkOptions(this.#engine.place, options);
    return this.set(key, value, { ...options, ifAbsent: true });
  }

  override async getAndSet<T>(
    key: string,
    value: unknown,
    options?: CacheTtlOptions,
  ): Promise<T | undefined> {
    const full = this.#key(key, options);
    const data = this.#engine.values.encode(key, value);
    const write = driverWrite(this.#engine.place, options, this.#engine.settings().defaultTtlMs);
    this.#engine.loads.supersede(full);
    return this.#found<T>(
      key,
      await this.#engine.living.swap({ key, fullKey: full }, data, write, this.#runner.steps(options)),
    );
  }

  override async delete(...args: unknown[]): Promise<number> {
    const { keys, options } = keysAndOptions(args);
    const full = this.#keyList(keys, options);
    for (const key of full) this.#engine.loads.supersede(key);
    return full.length === 0
      ? 0
      : this.#runner.run('delete', options, (call) => this.#driver.delete(full, call));
  }

  override async exists(...args: unknown[]): Promise<number> {
    const { keys, options } = keysAndOptions(args);
    const full = this.#keyList(keys, options);
    return full.length === 0 ? 0 : this.#engine.living.count(full, this.#runner.steps(options));
  }

  override async increment(key: string, by = 1, options?: CallOptions): Promise<number> {
    const full = this.#key(key, options);
    if (!Number.isSafeInteger(by))
      throw invalidArgument(this.#engine.place, `by must be a whole number, got ${shown(by)}`);
    this.#engine.loads.supersede(full);
    return this.#engine.living.add({ key, fullKey: full }, by, this.#runner.steps(options));
  }

  override async expire(key: string, ttlMs: number, options?: CallOptions): Promise<boolean> {
    const full = this.#key(key, options);
    const ttl = driverTtl(this.#engine.place, ttlMs);
    return this.#engine.living.expire({ key, fullKey: full }, ttl, this.#runner.steps(options));
  }

  override async ttlMs(key: string, options?: CallOptions): Promise<number | undefined> {
    const full = this.#key(key, options);
    return this.#engine.living.leftMs({ key, fullKey: full }, this.#runner.steps(options));
  }

  /** The short way of `get`, for options that need no second look. */
  override getOrSet<T>(
    key: string,
    loader: (load: CacheLoad) => Promise<T>,
    options: CacheGetOrSetOptions,
  ): Promise<T> {
    const plain = !this.#closed && typeof loader === 'function' && areSound(options);
    const known = plain ? this.#engine.near?.known(key, options, this.#known) : undefined;
    return (known === undefined ? this.#load(key, loader, options) : Promise.resolve(known)) as Promise<T>;
  }

  async #load(
    key: string,
    loader: (load: CacheLoad) => Promise<unknown>,
    options: CacheGetOrSetOptions,
  ): Promise<unknown> {
    this.#checkOpen();
    const fullKey = this.#keys.full(key);
    const name = {
      key,
      fullKey,
      tagKeys: this.#engine.tags.keysOf(this.#keys, options?.tags),
      aliases: this.#known,
    };
    return this.#engine.loads.run(name, loader, options);
  }

  override async invalidateTags(...args: unknown[]): Promise<void> {
    const { keys: tags, options } = keysAndOptions(args);
    this.#checkOpen();
    checkOptions(this.#engine.place, options);
    const tagKeys = this.#engine.tags.keysOf(this.#keys, tags);
    try {
      await this.#engine.tags.invalidate(tagKeys, options);
    } finally {
      // not before: what begins until the store has done it may still take the old versions
      this.#engine.loads.supersedeTags(tagKeys);
    }
  }

  override async *scan(prefix: string, options?: CallOptions): AsyncGenerator<string> {
    for await (const page of this.#pages(prefix, options)) for (const key of page) yield this.#keys.own(key);
  }

  override async deleteByPrefix(prefix: string, options?: CallOptions): Promise<number> {
    let deleted = 0;
    for await (const page of this.#pages(prefix, options)) {
      for (const key of page) this.#engine.loads.supersede(key);
      deleted += await this.#runner.run('delete', { signal: options?.signal }, (call) =>
        this.#driver.delete(page, call),
      );
    }
    return deleted;
  }

  override async ping(options?: CallOptions): Promise<void> {
    this.#checkOpen();
    await this.#runner.run('ping', options, (call) => this.#driver.ping(call));
  }

  override namespace(prefix: string): CacheProvider {
    this.#checkOpen();
    return new DefaultCacheProvider(this.#engine, this.#keys.below(prefix));
  }

  override async health(options?: CallOptions): Promise<HealthReport> {
    if (this.#closed) return { status: 'down', detail: { driver: this.#driver.kind, error: 'closed' } };
    return reportHealth(this.#engine, options);
  }

  override async close(): Promise<void> {
    this.#closed = true;
    await this.#closeEngine?.();
  }

  #checkOpen(): void {
    if (this.#closed || this.#engine.runner.closed) throw closedError(this.#engine.place);
  }

  #key(key: unknown, options: unknown): string {
    this.#checkOpen();
    if (options !== undefined) checkOptions(this.#engine.place, options);
    return this.#keys.full(key);
  }

  #keyList(keys: unknown, options: unknown): string[] {
    this.#checkOpen();
    checkOptions(this.#engine.place, options);
    return this.#keys.fullAll(keys);
  }

  #pages(prefix: string, options: CallOptions | undefined): AsyncGenerator<readonly string[]> {
    this.#checkOpen();
    const full = this.#keys.fullPrefix(prefix);
    this.#engine.loads.supersedePrefix(full);
    return scanPages(this.#engine, full, options);
  }

  #found<T>(key: string, data: Encoded | undefined): T | undefined {
    readsCounter.add(1, data === undefined ? this.#miss : this.#hit);
    return data === undefined ? undefined : (this.#engine.values.decode(key, data) as T);
  }
}
