import { FAILED, SLOW, type Marks, type OutcomeWindow } from './outcome-window.js';

/**
 * The last `size` outcomes, in a ring of bits. There is no ring until the first failure or slow call: all that is
 * before it was a plain success, which the zeroes of a new ring say as well.
 */
export class CountWindow implements OutcomeWindow {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #size: number;
  #ring: Uint8Array | undefined;
  #position = 0;

  constructor(size: number) {
    this.#size = size;
  }

  record(marks: Marks): void {
    if (this.calls < this.#size) this.calls++;
    if (marks === 0 && this.#ring === undefined) return;
    this.#ring ??= new Uint8Array(this.#size);
    const oldest = this.#ring[this.#position] ?? 0;
    this.#ring[this.#position] = marks;
    this.#position = (this.#position + 1) % this.#size;
    this.failures += (marks & FAILED) - (oldest & FAILED);
    this.slow += ((marks & SLOW) - (oldest & SLOW)) / SLOW;
  }

  roll(): void {
    // what is counted does not age
  }
}
