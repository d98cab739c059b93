import { AsyncLocalStorage } from 'node:async_hooks';
import type { OnceCall } from '../once.provider.js';

interface Running {
  readonly stored: string;
  readonly call: OnceCall;
  readonly outer: Running | undefined;
  ended: boolean;
}

/** The keys that run further out in the same chain of calls. */
export class CallChain {
  readonly #running = new AsyncLocalStorage<Running>();

  /** The innermost that has not ended. */
  get current(): OnceCall | undefined {
    return this.#find(() => true)?.call;
  }

  /** True when waiting for the key would be waiting for oneself. */
  holds(stored: string): boolean {
    return this.#find((running) => running.stored === stored) !== undefined;
  }

  async run<T>(stored: string, call: OnceCall, fn: (call: OnceCall) => Promise<T>): Promise<T> {
    const running: Running = { stored, call, outer: this.#running.getStore(), ended: false };
    try {
      return await this.#running.run(running, async () => fn(call));
    } finally {
      running.ended = true;
    }
  }

  #find(wanted: (running: Running) => boolean): Running | undefined {
    let at = this.#running.getStore();
    while (at !== undefined && (at.ended || !wanted(at))) at = at.outer;
    return at;
  }
}
