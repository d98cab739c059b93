import { abortError, LONGEST_TIMER_MS } from '../context/deadline.js';

/** A running timer; disposing it stops it, twice is harmless. */
export interface Timer extends Disposable {
  /** Lets the process end although it is running. */
  unref(): void;
}

/** The time a component lives by. Inject it wherever time decides something, so that tests can own it. */
export abstract class Clock {
  /** Epoch milliseconds by the wall clock, which may step. */
  abstract now(): number;
  /** Milliseconds from an arbitrary start, which only rise. */
  abstract monotonic(): number;
  /** Resolves after `ms`; rejects with `CANCELLED` when `signal` aborts. */
  abstract sleep(ms: number, signal?: AbortSignal): Promise<void>;
  abstract setTimeout(fn: () => void, ms: number): Timer;
  abstract setInterval(fn: () => void, ms: number): Timer;
}

/** `sleep` over a clock's own timer: one implementation for every clock. */
export function sleepOn(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.reject(abortError('clock.sleep', signal.reason));
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    function onAbort(): void {
      timer[Symbol.dispose]();
      reject(abortError('clock.sleep', signal?.reason));
    }
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Node runs a timer beyond 24.8 days at once: a longer one is waited for in parts. */
class LongTimeout implements Timer {
  #handle: NodeJS.Timeout | undefined;
  #held = true;

  constructor(fn: () => void, ms: number) {
    this.#wait(fn, ms);
  }

  unref(): void {
    this.#held = false;
    this.#handle?.unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#handle);
  }

  #wait(fn: () => void, ms: number): void {
    const next = ms > LONGEST_TIMER_MS ? () => this.#wait(fn, ms - LONGEST_TIMER_MS) : fn;
    this.#handle = setTimeout(next, Math.min(ms, LONGEST_TIMER_MS));
    if (!this.#held) this.#handle.unref();
  }
}

export class SystemClock extends Clock {
  /** The global one, so that fake timers count that were there before the clock; the getter is too dear for every look. */
  readonly #performance = performance;

  override now(): number {
    return Date.now();
  }
  override monotonic(): number {
    return this.#performance.now();
  }
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
  override setTimeout(fn: () => void, ms: number): Timer {
    return new LongTimeout(fn, ms);
  }
  override setInterval(fn: () => void, ms: number): Timer {
    const handle = setInterval(fn, Math.min(ms, LONGEST_TIMER_MS));
    return { unref: () => void handle.unref(), [Symbol.dispose]: () => clearInterval(handle) };
  }
}
