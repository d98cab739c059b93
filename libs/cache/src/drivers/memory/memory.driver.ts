import { isInfraError, type Clock, type InfraErrorCode } from '@infra-kit/kernel';
import type { AtomicScript, ScriptReply } from '../../scripts/atomic-script.js';
import type {
  CacheDriver,
  DriverLimits,
  DriverScanPage,
  DriverState,
  DriverWrite,
  Encoded,
} from '../cache-driver.js';
import { addedExactly } from './counter.js';
import { LruStore, type Entry } from './lru-store.js';
import { MemoryHashes } from './memory-hashes.js';
import { MemoryNotices } from './memory-notices.js';
import { memoryView, runTwin } from './memory-script.js';
import { MemorySets } from './memory-sets.js';
import { MemorySortedSets } from './memory-sorted-sets.js';
import { plain, plainOrNothing, type Stored } from './stored.js';

/** Bytes are copied in and out: nobody outside holds what the store holds. Texts cannot change. */
const own = (value: Encoded): Encoded => (typeof value === 'string' ? value : Buffer.from(value));

/**
 * The cache inside the process: bounded, least recently used first, without a timer. Times are the clock's monotonic
 * ones, so that a step of the wall clock expires nothing. Nothing is shared with other processes.
 */
export class MemoryCacheDriver implements CacheDriver {
  readonly kind = 'memory';
  readonly capabilities = { scan: true, scripts: true };
  readonly local = true;
  readonly native = undefined;
  readonly state: DriverState = 'up';
  readonly hashes: MemoryHashes;
  readonly sets: MemorySets;
  readonly sortedSets: MemorySortedSets;
  readonly notices = new MemoryNotices();
  readonly #store: LruStore<Stored>;
  readonly #clock: Clock;

  constructor(options: { readonly maxEntries: number; readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#store = new LruStore(options.maxEntries, () => options.clock.monotonic());
    this.hashes = new MemoryHashes(this.#store);
    this.sets = new MemorySets(this.#store);
    this.sortedSets = new MemorySortedSets(this.#store);
  }

  async connect(): Promise<void> {}

  watch(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  tune({ maxEntries }: DriverLimits): void {
    this.#store.maxEntries = maxEntries;
  }

  describe(): Readonly<Record<string, unknown>> {
    return { entries: this.#store.size };
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return isInfraError(error) ? error.code : undefined;
  }

  async close(): Promise<void> {
    this.#store.clear();
  }

  async get(key: string): Promise<Encoded | undefined> {
    return this.#read(key);
  }

  /** An entry of another kind is a miss, as for MGET. */
  async getMany(keys: readonly string[]): Promise<readonly (Encoded | undefined)[]> {
    return keys.map((key) => {
      const value = plainOrNothing(this.#store.touch(key)?.value);
      return value === undefined ? undefined : own(value);
    });
  }

  set(key: string, value: Encoded, write: DriverWrite): Promise<boolean> {
    return Promise.resolve(this.#write(key, value, write));
  }

  async setMany(entries: readonly (readonly [string, Encoded])[], write: DriverWrite): Promise<void> {
    for (const [key, value] of entries) this.#write(key, value, write);
  }

  async getAndSet(key: string, value: Encoded, write: DriverWrite): Promise<Encoded | undefined> {
    const before = this.#read(key);
    this.#write(key, value, write);
    return before;
  }

  async delete(keys: readonly string[]): Promise<number> {
    return keys.filter((key) => this.#store.delete(key)).length;
  }

  async exists(keys: readonly string[]): Promise<number> {
    return keys.filter((key) => this.#store.peek(key) !== undefined).length;
  }

  async increment(key: string, by: number): Promise<number> {
    const entry = this.#store.peek(key);
    const sum = addedExactly(entry && plain(entry.value), by);
    this.#store.put(key, String(sum), entry?.expiresAt ?? Infinity);
    return sum;
  }

  async expire(key: string, ttlMs: number | undefined): Promise<boolean> {
    const entry = this.#store.peek(key);
    if (entry === undefined) return false;
    entry.expiresAt = this.#expiry(ttlMs);
    return true;
  }

  async ttlMs(key: string): Promise<number | undefined> {
    const entry = this.#store.peek(key);
    return entry && Math.ceil(entry.expiresAt - this.#store.now);
  }

  /** One page: a snapshot, bounded as the store is. */
  async scanPage(prefix: string): Promise<DriverScanPage> {
    return { keys: this.#store.keys(prefix), next: undefined };
  }

  async run(
    script: AtomicScript<unknown>,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<ScriptReply> {
    return runTwin(
      script,
      memoryView(this.#store, keys, {
        wallClock: () => this.#clock.now(),
        publish: (channel, message) => this.notices.tell(channel, message),
      }),
      keys,
      args,
    );
  }

  async ping(): Promise<void> {}

  #read(key: string): Encoded | undefined {
    const entry = this.#store.touch(key);
    return entry && own(plain(entry.value));
  }

  #write(key: string, value: Encoded, { ttlMs, condition, keepTtl }: DriverWrite): boolean {
    const present = condition !== undefined || keepTtl === true ? this.#store.peek(key) : undefined;
    if (condition === 'absent' && present !== undefined) return false;
    if (condition === 'present' && present === undefined) return false;
    this.#store.put(key, own(value), keepTtl === true ? this.#keptExpiry(present) : this.#expiry(ttlMs));
    return true;
  }

  #keptExpiry(present: Entry<Stored> | undefined): number {
    return present?.expiresAt ?? Infinity;
  }

  #expiry(ttlMs: number | undefined): number {
    return ttlMs === undefined ? Infinity : this.#store.now + ttlMs;
  }
}
