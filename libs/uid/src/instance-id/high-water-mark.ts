import type { Clock, Logger } from '@infra-kit/kernel';
import type { Timeline } from '../snowflake/timeline.js';
import { markFailures } from '../uid.telemetry.js';
import type { WorkerIdLease } from '../worker-id-source.js';

export interface MarkDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeline: Timeline;
  readonly aheadMs: () => number;
}

/** How long a failed save keeps callers from starting the next, in milliseconds; the regular look does so anyway. */
const PAUSE_AFTER_FAILURE_MS = 100;

/**
 * The durable bound on the times that ids of one lease may bear: stored ahead of use, so that whoever has the id next,
 * with whatever clock, begins beyond it. One save at a time; a bound counts only once it is acknowledged.
 */
export class HighWaterMark {
  readonly #lease: WorkerIdLease;
  readonly #deps: MarkDeps;
  #ms: number;
  #saving: Promise<void> | undefined;
  #failedAt: number | undefined;

  constructor(lease: WorkerIdLease, deps: MarkDeps) {
    this.#lease = lease;
    this.#deps = deps;
    this.#ms = lease.keepsHighWater === false ? Infinity : -Infinity;
  }

  /** Epoch milliseconds up to which ids may be made. Infinity when the source keeps no mark. */
  get ms(): number {
    return this.#ms;
  }

  /** Stores a bound `highWaterAheadMs` from now. Awaited by the start, before anything else here is called. */
  renew(): Promise<void> {
    if (this.#ms === Infinity) return Promise.resolve();
    this.#saving = this.#save(this.#used() + this.#deps.aheadMs()).finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** For the regular look: moves the bound on when a third of it is used up. */
  renewWhenDue(): void {
    if (this.#ms - this.#used() <= (this.#deps.aheadMs() * 2) / 3) this.#renewInBackground();
  }

  /** For a caller that met the bound: at once, but not again and again while the store is away. */
  renewSoon(): void {
    const since = this.#failedAt === undefined ? Infinity : this.#deps.clock.monotonic() - this.#failedAt;
    if (since >= PAUSE_AFTER_FAILURE_MS) this.#renewInBackground();
  }

  /** Stores the exact last time, so that the next owner need not wait. */
  async settle(): Promise<void> {
    if (this.#ms === Infinity) return;
    await this.#saving?.catch(() => undefined);
    await this.#lease.saveHighWater(this.#deps.timeline.lastMs);
  }

  #renewInBackground(): void {
    if (this.#saving !== undefined) return;
    this.renew().catch((error: unknown) => {
      markFailures.add(1);
      if (this.#failedAt === undefined)
        this.#deps.logger.warn('the high-water mark could not be stored, trying again', { err: error });
      this.#failedAt = this.#deps.clock.monotonic();
    });
  }

  async #save(target: number): Promise<void> {
    await this.#lease.saveHighWater(target);
    this.#ms = Math.max(this.#ms, target);
    this.#failedAt = undefined;
  }

  /** The time that ids have reached or could reach now. */
  #used(): number {
    return Math.ceil(Math.max(this.#deps.clock.now(), this.#deps.timeline.lastMs));
  }
}
