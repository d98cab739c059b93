import type { Clock, Timer } from '@infra-kit/kernel';

interface Lane<T> {
  readonly id: unknown;
  waiting: T[];
  head: number;
  /** What runs, or waits to be run again. */
  current: readonly T[] | undefined;
  sleep: Timer | undefined;
}

export interface LanesOptions<T> {
  readonly clock: Clock;
  /** Runs at once, over all lanes. */
  readonly slots: number;
  /** Items of one run, at most. */
  readonly batch: number;
  /** Never rejects. Answers the milliseconds after which the same items are run again; undefined: they are finished. */
  readonly run: (items: readonly T[]) => Promise<number | undefined>;
}

/**
 * Runs items in order within a lane, lanes in parallel. A lane whose items are to be run again waits by itself and
 * takes no slot meanwhile.
 */
export class Lanes<T> {
  readonly #options: LanesOptions<T>;
  readonly #lanes = new Map<unknown, Lane<T>>();
  #ready: Lane<T>[] = [];
  #running = 0;
  #holds = 0;
  /** Holds count for nothing: what is left is to be finished. */
  #finishing = false;
  #idle: (() => void)[] = [];
  #done: (() => void)[] = [];

  constructor(options: LanesOptions<T>) {
    this.#options = options;
  }

  /** Items in a run. */
  get running(): number {
    return this.#running;
  }

  add(item: T, id: unknown): void {
    let lane = this.#lanes.get(id);
    if (lane === undefined) {
      lane = { id, waiting: [], head: 0, current: undefined, sleep: undefined };
      this.#lanes.set(id, lane);
      this.#ready.push(lane);
    }
    lane.waiting.push(item);
  }

  /** Starts what can start. */
  go(): void {
    while ((this.#holds === 0 || this.#finishing) && this.#running < this.#options.slots) {
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      this.#start(lane);
    }
  }

  /** Nothing starts until it is released as often. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.go();
  }

  /** Forgets everything that does not run. */
  clear(): void {
    for (const lane of this.#lanes.values()) lane.sleep?.[Symbol.dispose]();
    this.#lanes.clear();
    this.#ready = [];
    this.#finishing = false;
    this.#tell();
  }

  /** Forgets items that do not run; a lane that slept over such goes on. */
  drop(stale: (item: T) => boolean): void {
    for (const lane of this.#lanes.values()) {
      lane.waiting = lane.waiting.slice(lane.head).filter((item) => !stale(item));
      lane.head = 0;
      if (lane.sleep === undefined || lane.current?.every(stale) !== true) continue;
      lane.sleep[Symbol.dispose]();
      lane.sleep = undefined;
      this.#settle(lane, undefined);
    }
    this.#ready = this.#ready.filter((lane) => this.#hasWork(lane));
    this.#tell();
  }

  /** Goes on in spite of holds, and resolves when there is nothing left; `clear` ends it. */
  finish(): Promise<void> {
    if (this.#lanes.size === 0 && this.#running === 0) return Promise.resolve();
    this.#finishing = true;
    this.go();
    return new Promise((resolve) => this.#done.push(resolve));
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #start(lane: Lane<T>): void {
    const items = lane.current ?? this.#take(lane);
    lane.current = items;
    this.#running++;
    void this.#options.run(items).then((againMs) => {
      this.#running--;
      if (this.#lanes.get(lane.id) === lane) this.#settle(lane, againMs);
      this.go();
      this.#tell();
    });
  }

  #settle(lane: Lane<T>, againMs: number | undefined): void {
    if (againMs === undefined) lane.current = undefined;
    if (againMs !== undefined && againMs > 0) {
      lane.sleep = this.#options.clock.setTimeout(() => {
        lane.sleep = undefined;
        this.#ready.push(lane);
        this.go();
      }, againMs);
      return;
    }
    if (this.#hasWork(lane)) this.#ready.push(lane);
  }

  /** A lane without any is forgotten. */
  #hasWork(lane: Lane<T>): boolean {
    const has = lane.current !== undefined || lane.head < lane.waiting.length;
    if (!has) this.#lanes.delete(lane.id);
    return has;
  }

  #take(lane: Lane<T>): readonly T[] {
    const items = lane.waiting.slice(lane.head, lane.head + this.#options.batch);
    lane.head += items.length;
    if (lane.head >= lane.waiting.length || lane.head > 1024) {
      lane.waiting = lane.waiting.slice(lane.head);
      lane.head = 0;
    }
    return items;
  }

  /** Whoever waits for idleness, or for the end. */
  #tell(): void {
    if (this.#running > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
    if (this.#lanes.size === 0) for (const resolve of this.#done.splice(0)) resolve();
  }
}
