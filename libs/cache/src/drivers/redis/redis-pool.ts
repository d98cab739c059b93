import type { DriverState } from '../cache-driver.js';
import { keyHash } from './key-hash.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisSlot, type SlotSettings } from './redis-slot.js';

/**
 * Some connections to one server. Reads take turns. Writes of a key keep to one connection, so that Redis sees them in
 * the order in which they were sent, awaited or not; while that one is away they take turns as well.
 */
export class RedisPool {
  readonly #slots: readonly RedisSlot[];
  readonly #listeners = new Set<(state: DriverState, reason: unknown) => void>();
  readonly #connected = new Set<() => void>();
  #turn = 0;
  #state: DriverState = 'up';

  constructor(settings: SlotSettings, size: number) {
    this.#slots = Array.from({ length: size }, () => new RedisSlot(settings, (reason) => this.#look(reason)));
  }

  get state(): DriverState {
    return this.#state;
  }

  get ready(): number {
    return this.#slots.filter((slot) => slot.ready).length;
  }

  get size(): number {
    return this.#slots.length;
  }

  get current(): RedisConnection | undefined {
    return (this.#slots.find((slot) => slot.ready) ?? this.#slots[0])?.current;
  }

  /** Rejects when any connection cannot be made, once all attempts have ended. */
  async open(): Promise<void> {
    const attempts = await Promise.allSettled(this.#slots.map((slot) => slot.open()));
    for (const attempt of attempts) if (attempt.status === 'rejected') throw attempt.reason;
  }

  /** As `open`, in the background and again and again until it is done. */
  start(): void {
    for (const slot of this.#slots) slot.start();
  }

  watch(listener: (state: DriverState, reason: unknown) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Tells of each connection that was made anew, before anything is sent on it. */
  watchConnections(listener: () => void): Disposable {
    this.#connected.add(listener);
    return { [Symbol.dispose]: () => void this.#connected.delete(listener) };
  }

  /** The next connection that is ready, else one that is being made, else an error at once. */
  take(): RedisConnection | Promise<RedisConnection> {
    const slot = this.#next((each) => each.ready) ?? this.#next((each) => each.waiting) ?? this.#slots[0];
    if (slot === undefined) throw new RangeError('a pool has at least one connection');
    return slot.take();
  }

  /** The connection that writes of `key` travel on. */
  takeFor(key: string): RedisConnection | Promise<RedisConnection> {
    const own = this.#slots.length === 1 ? undefined : this.#slots[this.#slotOf(key)];
    return own?.ready === true ? own.take() : this.take();
  }

  /** The items in groups whose keys share a connection. */
  grouped<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] {
    if (this.#slots.length === 1) return [items];
    return [...Map.groupBy(items, (item) => this.#slotOf(keyOf(item))).values()];
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#connected.clear();
    await Promise.all(this.#slots.map((slot) => slot.close()));
  }

  #slotOf(key: string): number {
    return keyHash(key) % this.#slots.length;
  }

  #next(fits: (slot: RedisSlot) => boolean): RedisSlot | undefined {
    for (let step = 0; step < this.#slots.length; step++) {
      this.#turn = (this.#turn + 1) % this.#slots.length;
      const slot = this.#slots[this.#turn];
      if (slot && fits(slot)) return slot;
    }
    return undefined;
  }

  #look(reason: unknown): void {
    if (reason === undefined) for (const listener of this.#connected) listener();
    const state = this.#slots.some((slot) => slot.up) ? 'up' : 'down';
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state, reason);
  }
}
