const QUEUE_FACTOR = 10;

/** Lets a limited number of loads run at once; further ones wait in a queue that is limited too. */
export class LoadLimit {
  readonly #limit: () => number;
  readonly #refuse: (limit: number) => Error;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(limit: () => number, refuse: (limit: number) => Error) {
    this.#limit = limit;
    this.#refuse = refuse;
  }

  /** Rejects at once when the queue is ten times the limit, and when `signal` aborts while waiting. */
  async run<T>(load: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running < this.#limit()) this.#running++;
    else await this.#turn(signal);
    try {
      return await load();
    } finally {
      this.#running--;
      this.#handOn();
    }
  }

  /** Resolves with a place that is counted already. */
  #turn(signal: AbortSignal): Promise<void> {
    const limit = this.#limit();
    if (this.#waiting.size >= limit * QUEUE_FACTOR) return Promise.reject(this.#refuse(limit));
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter);
        reject(signal.reason as Error);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(enter);
    });
  }

  #handOn(): void {
    for (const enter of this.#waiting) {
      if (this.#running >= this.#limit()) return;
      this.#waiting.delete(enter);
      this.#running++;
      enter();
    }
  }
}
