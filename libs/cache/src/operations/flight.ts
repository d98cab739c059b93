import { InfraContext, InfraError } from '@infra-kit/kernel';
import type { CachePlace } from '../cache.errors.js';

/**
 * One load that several callers wait for. It lives in a context of its own, with the trace of the caller who began it
 * but without that caller's deadline and signal; it ends early when all callers have left.
 */
export class Flight<T> {
  /** Set when a write of the key has overtaken the load: its value reaches the waiters and is not stored. */
  superseded = false;
  readonly #controller = new AbortController();
  readonly #outcome = Promise.withResolvers<T>();
  readonly #place: CachePlace;
  #waiters = 0;
  #settled = false;

  constructor(place: CachePlace) {
    this.#place = place;
    this.#outcome.promise.catch(() => undefined); // every waiter may have left
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the work; called once. */
  begin(work: (flight: this) => Promise<T>, ended: () => void): void {
    const settle = (how: () => void): void => {
      this.#settled = true;
      how();
      ended();
    };
    const traceId = InfraContext.traceId();
    const attributes = InfraContext.current()?.attributes;
    const running = InfraContext.detach(() =>
      InfraContext.run({ traceId, attributes, signal: this.signal }, () => work(this)),
    );
    running.then(
      (value) => settle(() => this.#outcome.resolve(value)),
      (error: unknown) => settle(() => this.#outcome.reject(error)),
    );
  }

  /** Each `join` is followed by one `leave`. */
  join(): Promise<T> {
    this.#waiters++;
    return this.#outcome.promise;
  }

  /** True when that was the last one and the load is cancelled. */
  leave(): boolean {
    this.#waiters--;
    if (this.#waiters > 0 || this.#settled) return false;
    this.abort(
      new InfraError('CANCELLED', `${this.#place.label}.getOrSet: nobody waits for this load any more`, {
        component: 'cache',
        instance: this.#place.name,
      }),
    );
    return true;
  }

  /** Ends the wait now, whether the loader heeds its signal or not. */
  abort(reason: InfraError): void {
    this.superseded = true;
    this.#controller.abort(reason);
    this.#outcome.reject(reason);
  }
}
