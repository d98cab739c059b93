/**
 * The commands of one connection that have no answer yet. Redis answers in order, so the times of sending form a
 * queue, and the oldest one tells how far behind the server is. One timer, armed while anything is under way.
 */
export class InFlight {
  readonly #limitMs: () => number;
  readonly #overdue: () => void;
  #sentAt: number[] = [];
  #head = 0;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void) | undefined;

  /** Calls `overdue` when the oldest command has had no answer for `limitMs`. */
  constructor(limitMs: () => number, overdue: () => void) {
    this.#limitMs = limitMs;
    this.#overdue = overdue;
  }

  get count(): number {
    return this.#sentAt.length - this.#head;
  }

  sent(): void {
    const now = performance.now();
    this.#sentAt.push(now);
    this.#timer ??= this.#arm(this.#limitMs());
  }

  answered(): void {
    this.#head++;
    if (this.#head === this.#sentAt.length) {
      this.#sentAt.length = 0;
      this.#head = 0;
      this.#idle?.();
    } else if (this.#head > 1024 && this.#head * 2 > this.#sentAt.length) {
      this.#sentAt = this.#sentAt.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Resolves when nothing is under way, at the latest after `withinMs`. */
  settled(withinMs: number): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), Math.max(1, ms)).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const oldest = this.#sentAt[this.#head];
    if (oldest === undefined) return;
    const left = this.#limitMs() - (performance.now() - oldest);
    if (left > 0) this.#timer = this.#arm(left);
    else this.#overdue();
  }
}
