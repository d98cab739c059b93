import { FAILED, SLOW, type Marks, type Now, type OutcomeWindow } from './outcome-window.js';

export const DEFAULT_BUCKETS = 10;
const FIELDS = 3;

/**
 * Outcomes of the last `ms`, counted in buckets: the bucket under way and those before it, so that an outcome leaves
 * between `ms` less one bucket and `ms` after it came. Nothing is stored until the first outcome.
 */
export class TimeWindow implements OutcomeWindow {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #bucketMs: number;
  readonly #buckets: number;
  /** Calls, failures, slow calls of each bucket. */
  #counts: Uint32Array | undefined;
  /** The number of the newest bucket since the clock's start. */
  #newest = 0;

  constructor(ms: number, buckets: number = DEFAULT_BUCKETS) {
    this.#bucketMs = ms / buckets;
    this.#buckets = buckets;
  }

  record(marks: Marks, now: Now): void {
    this.roll(now);
    this.#counts ??= new Uint32Array(this.#buckets * FIELDS);
    const at = this.#offset(this.#newest);
    const failed = marks & FAILED;
    const slow = (marks & SLOW) / SLOW;
    this.#add(at, 1);
    this.#add(at + 1, failed);
    this.#add(at + 2, slow);
    this.calls++;
    this.failures += failed;
    this.slow += slow;
  }

  roll(now: Now): void {
    const current = Math.floor(now() / this.#bucketMs);
    const passed = Math.min(current - this.#newest, this.#buckets);
    for (let step = 0; step < passed; step++) this.#clear(current - step);
    if (passed > 0) this.#newest = current;
  }

  #clear(bucket: number): void {
    const counts = this.#counts;
    if (counts === undefined) return;
    const at = this.#offset(bucket);
    this.calls -= counts[at] ?? 0;
    this.failures -= counts[at + 1] ?? 0;
    this.slow -= counts[at + 2] ?? 0;
    counts.fill(0, at, at + FIELDS);
  }

  #add(index: number, by: number): void {
    if (this.#counts) this.#counts[index] = (this.#counts[index] ?? 0) + by;
  }

  #offset(bucket: number): number {
    return (bucket % this.#buckets) * FIELDS;
  }
}
