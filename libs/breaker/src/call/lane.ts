import type { ClosedState } from '../circuit/circuit-state.js';
import { withoutSignal } from './call-limit.js';

/** Whose calls they are. */
export interface LaneOwner {
  touch(): void;
  laneSucceeded(period: ClosedState): void;
  laneFailed(period: ClosedState, error: unknown): void;
}

/** The shortest way through a closed breaker: one derived promise a call, no clock, no object of the call's own. */
export class Lane {
  readonly #owner: LaneOwner;
  readonly #succeeded: <T>(value: T) => T;
  readonly #failed: (error: unknown) => never;

  constructor(owner: LaneOwner, period: ClosedState) {
    this.#owner = owner;
    this.#succeeded = (value) => {
      owner.laneSucceeded(period);
      return value;
    };
    this.#failed = (error) => {
      owner.laneFailed(period, error);
      throw error;
    };
  }

  run<T>(fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#owner.touch();
    let running: Promise<T>;
    try {
      running = fn.length === 0 ? withoutSignal(fn) : fn(new AbortController().signal);
    } catch (error) {
      running = Promise.reject(error as Error);
    }
    if (!(running instanceof Promise)) running = Promise.resolve(running);
    return running.then(this.#succeeded, this.#failed);
  }
}
