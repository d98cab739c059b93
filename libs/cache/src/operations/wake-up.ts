import type { Clock } from '@infra-kit/kernel';
import type { DriverNotices } from '../drivers/cache-driver.js';

/** A first look comes soon, in case that nothing is heard of notices; then they grow rarer. */
const FIRST_PAUSE_MS = 50;
export const LONGEST_PAUSE_MS = 1000;

export interface WakeUpOptions {
  readonly notices: DriverNotices | undefined;
  readonly channel: string;
  /** Whether a notice is meant for us; '' is told when some may have been missed. */
  readonly concerns?: ((message: string) => boolean) | undefined;
  readonly clock: Clock;
}

/**
 * Waiting for something in the store without asking for it all the time: a notice wakes, and since notices may be lost
 * it also wakes by itself, after pauses that grow from 50 ms to 1 s. A notice that comes between two waits is not missed.
 */
export class WakeUp implements Disposable {
  readonly #options: WakeUpOptions;
  readonly #listening: Disposable | undefined;
  #pause = FIRST_PAUSE_MS;
  #called = false;
  #wake: (() => void) | undefined;

  constructor(options: WakeUpOptions) {
    this.#options = options;
    const { notices, channel, concerns } = options;
    this.#listening = notices?.listen(channel, (message) => {
      if (message === '' || concerns === undefined || concerns(message)) this.#call();
    });
  }

  /** Resolves at a notice, or after `atMostMs`, or after the pause. Rejects when `signal` aborts. */
  async next(atMostMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#called) {
      const { clock } = this.#options;
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const pause = Math.max(1, Math.min(this.#pause, atMostMs));
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
      await clock.sleep(pause, AbortSignal.any([woken.signal, signal])).catch(() => signal.throwIfAborted());
      this.#wake = undefined;
    }
    this.#called = false;
  }

  [Symbol.dispose](): void {
    this.#listening?.[Symbol.dispose]();
  }

  #call(): void {
    this.#called = true;
    this.#wake?.();
  }
}
