import type { Logger } from '@infra-kit/kernel';
import type { BreakerEvent } from '../breaker.provider.js';

export type StateListener = (event: BreakerEvent) => unknown;

/** Who is told of a breaker's changes: each of every change, in the order in which they happened, whatever others do. */
export class StateListeners {
  readonly #listeners = new Set<{ readonly listener: StateListener }>();
  readonly #waiting: BreakerEvent[] = [];
  readonly #logger: Logger;
  #telling = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: StateListener): Disposable {
    const entry = { listener };
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /** A change made by a listener waits until all have been told of the one before. */
  tell(event: BreakerEvent): void {
    this.#waiting.push(event);
    if (this.#telling) return;
    this.#telling = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift())
      for (const { listener } of Array.from(this.#listeners)) this.#tellOne(listener, next);
    this.#telling = false;
  }

  #tellOne(listener: StateListener, event: BreakerEvent): void {
    const failed = (error: unknown): void =>
      this.#logger.error('a listener of a breaker failed', { breaker: event.name, err: error });
    try {
      const result = listener(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
