import { abortError } from '../context/deadline.js';

/** A running timer; disposing it stops it, twice is harmless. */
export interface Timer extends Disposable {
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

function asTimer(handle: NodeJS.Timeout): Timer {
  return { unref: () => void handle.unref(), [Symbol.dispose]: () => clearTimeout(handle) };
}

export class SystemClock extends Clock {
  override now(): number {
    return Date.now();
  }
  override monotonic(): number {
    return performance.now();
  }
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
  override setTimeout(fn: () => void, ms: number): Timer {
    return asTimer(setTimeout(fn, ms));
  }
  override setInterval(fn: () => void, ms: number): Timer {
    return asTimer(setInterval(fn, ms));
  }
}
