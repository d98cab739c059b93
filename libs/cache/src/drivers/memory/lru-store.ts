export interface Entry<V> {
  readonly value: V;
  /** By the monotonic clock; Infinity: never. */
  expiresAt: number;
}

/**
 * A map with expiry, bounded by count: the least recently used entry goes. Expiry is looked at when a key is touched,
 * so there is no timer; an expired entry that nobody touches stays until it is the least recently used one.
 */
export class LruStore<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #now: () => number;
  #maxEntries: number;

  constructor(maxEntries: number, now: () => number) {
    this.#maxEntries = maxEntries;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  get now(): number {
    return this.#now();
  }

  set maxEntries(count: number) {
    this.#maxEntries = count;
    this.#evict();
  }

  /** The living entry, which becomes the most recently used one. */
  touch(key: string): Entry<V> | undefined {
    const entry = this.peek(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** The living entry, without counting as use. */
  peek(key: string): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  put(key: string, value: V, expiresAt: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAt });
    this.#evict();
  }

  /** True when there was a living one. */
  delete(key: string): boolean {
    return this.peek(key) !== undefined && this.#entries.delete(key);
  }

  /** Living keys at this moment, in no order that means anything. */
  keys(prefix: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix) && this.peek(key) !== undefined);
  }

  clear(): void {
    this.#entries.clear();
  }

  #evict(): void {
    while (this.#entries.size > this.#maxEntries) {
      const oldest = this.#entries.keys().next();
      if (oldest.done === true) return;
      this.#entries.delete(oldest.value);
    }
  }
}
