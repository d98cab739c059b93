const SLOT_MS = 1000;
const SLOTS = 60;

/**
 * Calls under way to one instance. A call whose end nobody told is forgotten after a minute, so that a caller who
 * never tells does not make an instance look busy for good; memory is one number a second.
 */
export class PendingCalls {
  readonly #bySecond = new Map<number, number>();

  /** Calls that began within the last minute and have not ended. `now` is monotonic, in milliseconds. */
  count(now: number): number {
    const oldest = Math.floor(now / SLOT_MS) - SLOTS;
    let sum = 0;
    for (const [second, calls] of this.#bySecond) {
      if (second <= oldest) this.#bySecond.delete(second);
      else sum += calls;
    }
    return sum;
  }

  /** Counts a call; the result ends it, once. */
  begin(now: number): () => void {
    const second = Math.floor(now / SLOT_MS);
    this.#bySecond.set(second, (this.#bySecond.get(second) ?? 0) + 1);
    let open = true;
    return () => {
      const calls = this.#bySecond.get(second);
      if (open && calls !== undefined) this.#bySecond.set(second, calls - 1);
      open = false;
    };
  }
}
