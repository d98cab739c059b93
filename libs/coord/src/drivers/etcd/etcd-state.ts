import type { DriverState } from '../coord-driver.js';

type StateListener = (state: DriverState, reason: unknown) => void;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/** Whether the server answers, as the calls tell. While it is suspected or away it is asked, until it answers. */
export class EtcdState {
  readonly #ask: () => Promise<void>;
  readonly #listeners = new Set<StateListener>();
  #state: DriverState = 'up';
  #probing = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  /** `ask` resolves when the server answers. */
  constructor(ask: () => Promise<void>) {
    this.#ask = ask;
  }

  get state(): DriverState {
    return this.#state;
  }

  listen(listener: StateListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** An answer came. */
  answered(): void {
    this.#turn('up', undefined);
  }

  /** A call failed as if the server were away: it is, unless it answers now. */
  suspect(): void {
    if (this.#probing || this.#closed) return;
    this.#probing = true;
    void this.#probe(FIRST_PAUSE_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  /** Never rejects. */
  async #probe(pauseMs: number): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#ask();
      this.#probing = false;
      this.#turn('up', undefined);
    } catch (error) {
      this.#turn('down', error);
      if (this.#closed) return;
      this.#timer = setTimeout(() => void this.#probe(Math.min(pauseMs * 2, LONGEST_PAUSE_MS)), pauseMs);
      this.#timer.unref();
    }
  }

  #turn(state: DriverState, reason: unknown): void {
    if (this.#state === state || this.#closed) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state, reason);
  }
}
