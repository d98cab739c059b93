import { Clock, type Timer } from '@infra-kit/kernel';

interface Due {
  readonly at: number;
  readonly fn: () => void;
}

/** A clock that moves in one synchronous step, for histories by the thousand. Counts who reads it. */
export class ManualClock extends Clock {
  static readonly EPOCH = Date.UTC(2026, 0, 1);
  reads = 0;
  readonly #due = new Set<Due>();
  #at = 0;

  override now(): number {
    this.reads++;
    return ManualClock.EPOCH + this.#at;
  }
  override monotonic(): number {
    this.reads++;
    return this.#at;
  }
  override sleep(): Promise<void> {
    throw new Error('nobody sleeps here');
  }
  override setTimeout(fn: () => void, ms: number): Timer {
    const due = { at: this.#at + ms, fn };
    this.#due.add(due);
    return { unref: () => undefined, [Symbol.dispose]: () => void this.#due.delete(due) };
  }
  override setInterval(): Timer {
    throw new Error('nobody repeats here');
  }

  get timers(): number {
    return this.#due.size;
  }

  /** Runs what falls due one by one, letting promises settle in between. */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const target = this.#at + ms;
    for (let next = this.#first(target); next; next = this.#first(target)) {
      this.#due.delete(next);
      this.#at = next.at;
      next.fn();
      await settle();
    }
    this.#at = target;
  }

  #first(target: number): Due | undefined {
    return [...this.#due].filter(({ at }) => at <= target).toSorted((a, b) => a.at - b.at)[0];
  }
}
