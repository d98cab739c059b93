import type { CallOptions, Clock } from '@infra-kit/kernel';
import type { CacheNearConfig } from '../cache.config.js';
import type { CachePlace } from '../cache.errors.js';
import {
  nearEmptiedCounter,
  nearInvalidationsCounter,
  nearReadsCounter,
  readsCounter,
} from '../cache.telemetry.js';
import type {
  DriverCall,
  DriverTracking,
  Encoded,
  TrackedValue,
  TrackingEvents,
} from '../drivers/cache-driver.js';
import { isUnlimited } from './call-runner.js';
import { deepFreeze } from './deep-freeze.js';
import { metaOf } from './stored-entry.js';
import type { ValueCodec } from './value-codec.js';
import { NearCache, type NearEntry } from './near-cache.js';

/** How long the last proof that changes are heard of holds, in pings: the one that is due, and its answer. */
const TRUST_PINGS = 2;

/** In so many load times before it gets stale or ends an entry is read from the store, where XFetch decides: earlier it hardly would. */
const EARLY_LOADS = 5;

interface Parts {
  readonly place: CachePlace;
  readonly config: CacheNearConfig;
  readonly tracking: DriverTracking;
  readonly values: ValueCodec;
  readonly clock: Clock;
  /** Values are frozen: in development and tests. */
  readonly freeze: boolean;
}

/** The first level, in the process, in front of a driver that tells of changes. */
export class NearLevel implements TrackingEvents {
  readonly #parts: Parts;
  readonly #cache: NearCache;
  readonly #hit: { readonly cache: string; readonly result: string };
  readonly #miss: { readonly cache: string; readonly result: string };
  #hits = 0;
  #listener: ((keys: readonly string[]) => void) | undefined;

  constructor(parts: Parts) {
    const { maxEntries, ttlMs, pingMs } = parts.config;
    this.#parts = parts;
    this.#cache = new NearCache({ maxEntries, ttlMs, trustMs: pingMs * TRUST_PINGS }, parts.clock);
    this.#hit = { cache: parts.place.name, result: 'hit' };
    this.#miss = { cache: parts.place.name, result: 'miss' };
  }

  /** Tells of what others, or this process, have changed, by full keys. One listener. */
  whenChanged(listener: (keys: readonly string[]) => void): void {
    this.#listener = listener;
  }

  /** For the health page. */
  describe(): Readonly<Record<string, unknown>> {
    return { entries: this.#cache.size, tracking: this.#cache.up ? 'up' : 'down' };
  }

  /**
   * The value by full key, `undefined` where it is not kept. It is decoded at its first hit, or at each with `clone`;
   * DATA_LOSS when it cannot be, and then it is not kept any longer.
   */
  read(fullKey: string, key: string, aliases?: Map<string, NearEntry>): unknown {
    const entry = this.#cache.find(fullKey);
    if (entry === undefined) {
      nearReadsCounter.add(1, this.#miss);
      return undefined;
    }
    if (aliases !== undefined && entry.alias?.in !== aliases) {
      entry.alias?.in.delete(entry.alias.key);
      entry.alias = { key, in: aliases };
      aliases.set(key, entry);
    }
    if (this.#hits++ === 0) setImmediate(this.#count);
    return entry.data === undefined ? entry.value : this.#decoded(entry, entry.data, key);
  }

  /**
   * The same by the key that a reader knows, for what `read` has put among his aliases and for calls that nothing
   * limits; `undefined` for all else. A hit costs hardly more than two looks: no text is joined, nothing is checked.
   */
  known(key: string, options: CallOptions | undefined, aliases: Map<string, NearEntry>): unknown {
    const entry = aliases.get(key);
    if (entry === undefined || entry.data !== undefined || entry.needs !== undefined) return undefined;
    if (!isUnlimited(options) || !this.#cache.use(entry)) return undefined;
    if (this.#hits++ === 0) setImmediate(this.#count);
    return entry.value;
  }

  /** Reads from the store, and keeps what is still true when it arrives. */
  async fetch(key: string, call: DriverCall): Promise<Encoded | undefined> {
    const keep = this.#fetching();
    return keep(key, await this.#parts.tracking.get(key, call));
  }

  async fetchMany(keys: readonly string[], call: DriverCall): Promise<readonly (Encoded | undefined)[]> {
    const keep = this.#fetching();
    const found = await this.#parts.tracking.getMany(keys, call);
    return keys.map((key, index) => keep(key, found[index]));
  }

  /** Makes a write's keys void before it is sent and once more when it has ended, whichever way. */
  async around<T>(keys: readonly string[], write: () => Promise<T>): Promise<T> {
    this.#forget(keys);
    try {
      return await write();
    } finally {
      this.#forget(keys);
    }
  }

  up(provenAt: number): void {
    this.#cache.open(provenAt);
  }

  down(reason: string): void {
    if (this.#cache.up) this.#emptied(reason);
    this.#cache.close();
  }

  proved(provenAt: number): void {
    this.#cache.prove(provenAt);
  }

  changed(keys: readonly string[]): void {
    nearInvalidationsCounter.add(keys.length, { cache: this.#parts.place.name });
    this.#forget(keys);
    this.#listener?.(keys);
  }

  flushed(): void {
    this.#emptied('flush');
    this.#cache.empty();
  }

  /** To be called before a fetch is sent; gives what keeps its answers. */
  #fetching(): (key: string, found: TrackedValue | undefined) => Encoded | undefined {
    const ticket = this.#cache.ticket();
    const sentAt = this.#cache.now;
    return (key, found) => {
      if (found === undefined) return undefined;
      const { data, leftMs } = found;
      const meta = metaOf(data);
      const { staleMs = 0, loadMs = 0, tags } = meta ?? {};
      const untilEarly = leftMs - staleMs - loadMs * EARLY_LOADS;
      if (untilEarly <= 0) return data;
      // a copy: what the client gives is a part of all that came with it
      const own = typeof data === 'string' ? data : Buffer.from(data);
      this.#cache.put(ticket, key, {
        data: own,
        leftMs: untilEarly,
        sentAt,
        needs: tags && Object.entries(tags),
      });
      return data;
    };
  }

  #forget(keys: readonly string[]): void {
    for (const key of keys) this.#cache.changed(key);
  }

  #emptied(reason: string): void {
    nearEmptiedCounter.add(1, { cache: this.#parts.place.name, reason });
  }

  #decoded(entry: NearEntry, data: Encoded, key: string): unknown {
    try {
      const value = this.#parts.values.decode(key, data);
      if (this.#parts.config.clone) return value;
      entry.data = undefined;
      entry.value = this.#parts.freeze ? deepFreeze(value) : value;
      return value;
    } catch (error) {
      this.#cache.forget(entry.key);
      throw error;
    }
  }

  /** Hits are counted once a turn of the event loop: an instrument costs more than a hit. */
  readonly #count = (): void => {
    nearReadsCounter.add(this.#hits, this.#hit);
    readsCounter.add(this.#hits, this.#hit);
    this.#hits = 0;
  };
}
