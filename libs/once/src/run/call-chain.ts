import { AsyncLocalStorage } from 'node:async_hooks';

interface Running {
  readonly stored: string;
  readonly outer: Running | undefined;
  ended: boolean;
}

/** The keys that run further out in the same chain of calls. */
export class CallChain {
  readonly #running = new AsyncLocalStorage<Running>();

  /** True when waiting for the key would be waiting for oneself. */
  holds(stored: string): boolean {
    for (let at = this.#running.getStore(); at !== undefined; at = at.outer)
      if (at.stored === stored && !at.ended) return true;
    return false;
  }

  async run<T>(stored: string, fn: () => Promise<T>): Promise<T> {
    const running: Running = { stored, outer: this.#running.getStore(), ended: false };
    try {
      return await this.#running.run(running, async () => fn());
    } finally {
      running.ended = true;
    }
  }
}
