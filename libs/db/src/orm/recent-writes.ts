import { InfraContext, type Clock } from '@infra-kit/kernel';

/**
 * Who has written a moment ago: their reads keep to the primary until the replicas have surely caught up. Known by the
 * trace id, so that contexts inside of a context count as one; code outside of any context counts as one as well.
 */
export class RecentWrites {
  readonly #clock: Clock;
  readonly #lagMs: number;
  /** In the order of time: the oldest first. */
  readonly #writes = new Map<string | undefined, number>();

  constructor(clock: Clock, lagMs: number) {
    this.#clock = clock;
    this.#lagMs = lagMs;
  }

  note(): void {
    const now = this.#clock.monotonic();
    const writer = InfraContext.traceId();
    this.#writes.delete(writer);
    this.#writes.set(writer, now);
    for (const [other, at] of this.#writes) {
      if (now - at < this.#lagMs) break;
      this.#writes.delete(other);
    }
  }

  /** Whether the caller must see its own writes at the primary. */
  has(): boolean {
    const at = this.#writes.get(InfraContext.traceId());
    return at !== undefined && this.#clock.monotonic() - at < this.#lagMs;
  }
}
