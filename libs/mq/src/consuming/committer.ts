import { messageOf, type Clock, type Logger, type Timer } from '@infra-kit/kernel';
import type { PartitionOffset } from '../drivers/mq-driver.js';
import type { PartitionRun } from './partition-run.js';

export interface CommitterOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: () => number;
  readonly runs: () => Iterable<PartitionRun>;
  readonly commit: (offsets: readonly PartitionOffset[]) => Promise<void>;
}

/** Stores positions: at once after a pause, at most every so often under load, one commit at a time. */
export class Committer {
  readonly #options: CommitterOptions;
  #timer: Timer | undefined;
  #under: Promise<void> | undefined;
  #lastAt = -Infinity;
  #stopped = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Something is finished. */
  touch(): void {
    if (this.#stopped || this.#timer !== undefined || this.#under !== undefined) return;
    const { clock, intervalMs } = this.#options;
    const wait = this.#lastAt + intervalMs() - clock.monotonic();
    if (wait <= 0) this.#inBackground();
    else
      this.#timer = clock.setTimeout(() => {
        this.#timer = undefined;
        this.#inBackground();
      }, wait);
  }

  /** Commits everything that is finished now. Rejects when that fails. */
  async now(): Promise<void> {
    await this.#under?.catch(() => undefined);
    await this.#once();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
  }

  #inBackground(): void {
    this.#once().catch((error: unknown) => {
      this.#options.logger.warn('offsets were not committed, trying again', { error: messageOf(error) });
      this.touch();
    });
  }

  #once(): Promise<void> {
    this.#under ??= this.#store().finally(() => {
      this.#under = undefined;
      this.#lastAt = this.#options.clock.monotonic();
      if (this.#dirty().length > 0) this.touch();
    });
    return this.#under;
  }

  #dirty(): PartitionRun[] {
    return [...this.#options.runs()].filter(({ uncommitted }) => uncommitted);
  }

  async #store(): Promise<void> {
    const places = this.#dirty().map((run) => ({ run, offset: run.position }));
    if (places.length === 0) return;
    await this.#options.commit(
      places.map(({ run: { topic, partition }, offset }) => ({ topic, partition, offset })),
    );
    for (const { run, offset } of places) run.committed = offset;
  }
}
