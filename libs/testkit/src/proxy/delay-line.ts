/**
 * Hands each entry over no sooner than its delay, and never out of order: one timer, whatever the number of entries.
 */
export class DelayLine {
  readonly #waiting: { readonly at: number; readonly deliver: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  push(delayMs: number, deliver: () => void): void {
    if (delayMs <= 0 && this.#waiting.length === 0) {
      deliver();
      return;
    }
    this.#waiting.push({ at: performance.now() + delayMs, deliver });
    this.#arm();
  }

  /** Forgets what still waits. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
  }

  #arm(): void {
    const next = this.#waiting[0];
    if (next === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#deliverDue(), Math.max(0, Math.ceil(next.at - performance.now())));
  }

  #deliverDue(): void {
    this.#timer = undefined;
    while (this.#waiting[0] !== undefined && this.#waiting[0].at <= performance.now())
      this.#waiting.shift()?.deliver();
    this.#arm();
  }
}
