import type { DriverNotices } from '../cache-driver.js';

/** Notices inside the process. They come in a later turn: a script is done before anyone hears of it. */
export class MemoryNotices implements DriverNotices {
  readonly #listeners = new Map<string, Set<(message: string) => void>>();

  listen(channel: string, listener: (message: string) => void): Disposable {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(channel);
      },
    };
  }

  tell(channel: string, message: string): void {
    const listeners = this.#listeners.get(channel);
    if (listeners) queueMicrotask(() => [...listeners].forEach((listener) => listener(message)));
  }
}
