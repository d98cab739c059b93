import { AsyncResource } from 'node:async_hooks';
import { Clock, sleepOn, type Timer } from '../ports/clock.js';

interface Due {
  at: number;
  readonly order: number;
  readonly fn: () => void;
  readonly everyMs: number | undefined;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * A clock that stands still until told. `advance` runs what falls due in order of time, then of creation,
 * and lets promises settle in between. Wall clock and monotonic time can be parted with `step`.
 */
export class FakeClock extends Clock {
  #now: number;
  #monotonic = 0;
  #order = 0;
  readonly #due = new Set<Due>();

  constructor(options: { readonly now?: number | Date | undefined } = {}) {
    super();
    this.#now = Number(options.now ?? Date.UTC(2026, 0, 1));
  }

  override now(): number {
    return this.#now;
  }
  override monotonic(): number {
    return this.#monotonic;
  }
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
  override setTimeout(fn: () => void, ms: number): Timer {
    return this.#schedule(fn, ms, undefined);
  }
  override setInterval(fn: () => void, ms: number): Timer {
    return this.#schedule(fn, ms, Math.max(1, ms));
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#due.size;
  }

  /** Moves the wall clock alone by `ms`, as an operator or NTP would; timers and monotonic time do not notice. */
  step(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on by `ms`; resolves when everything due has run and settled. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`advance: time moves on by milliseconds ≥ 0, got ${ms}`);
    const target = this.#monotonic + ms;
    await turn();
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#moveTo(next.at);
      if (next.everyMs === undefined) this.#due.delete(next);
      else next.at += next.everyMs;
      next.fn();
      await turn();
    }
    this.#moveTo(target);
    await turn();
  }

  #moveTo(at: number): void {
    const by = Math.max(0, at - this.#monotonic);
    this.#monotonic += by;
    this.#now += by;
  }

  #next(target: number): Due | undefined {
    return [...this.#due]
      .filter(({ at }) => at <= target)
      .toSorted((a, b) => a.at - b.at || a.order - b.order)
      .at(0);
  }

  #schedule(fn: () => void, ms: number, everyMs: number | undefined): Timer {
    const due: Due = {
      at: this.#monotonic + Math.max(0, ms),
      order: this.#order++,
      fn: AsyncResource.bind(fn), // as a real timer, it runs in the context in which it was set
      everyMs,
    };
    this.#due.add(due);
    return { unref: () => undefined, [Symbol.dispose]: () => void this.#due.delete(due) };
  }
}
