import type { PartitionOffset, RecordBatch, TopicPartition } from '../drivers/mq-driver.js';
import { PartitionRun, type Delivery } from './partition-run.js';
import type { Start } from './starting-offsets.js';

const keyOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`;

/** The partitions this member has now, and how much of them is received and not finished. */
export class AssignedRuns {
  #runs = new Map<string, PartitionRun>();
  #inFlight = 0;

  get all(): readonly PartitionRun[] {
    return [...this.#runs.values()];
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  at(place: TopicPartition): PartitionRun | undefined {
    return this.#runs.get(keyOf(place));
  }

  begin(starts: readonly Start[]): void {
    for (const { start, committed } of starts)
      this.#runs.set(keyOf(start), new PartitionRun(start, start.offset, committed));
  }

  /** What of the batch is new. */
  receive(run: PartitionRun, { records, highWatermark }: RecordBatch): readonly Delivery[] {
    run.highWatermark = highWatermark;
    const deliveries = run.take(records);
    this.#inFlight += deliveries.length;
    return deliveries;
  }

  /** Reading goes on elsewhere: what `old` has received no longer counts. */
  move(old: PartitionRun, start: PartitionOffset): void {
    const run = new PartitionRun(start, start.offset, old.committed);
    run.highWatermark = old.highWatermark;
    run.pressed = old.pressed;
    old.live = false;
    this.#inFlight -= old.unfinished;
    this.#runs.set(keyOf(start), run);
  }

  /** False for what no longer counts. */
  finish(delivery: Delivery): boolean {
    const { run } = delivery;
    if (!run.live) return false;
    run.finish(delivery);
    this.#inFlight--;
    return true;
  }

  /** The partitions to fetch on with when no more than `most` is unfinished: those held back for it, or all. */
  relieve(most: number, every: boolean): readonly PartitionRun[] {
    if (this.#inFlight > most) return [];
    const runs = this.all.filter(({ pressed }) => pressed || every);
    for (const run of runs) run.pressed = false;
    return runs;
  }

  /** Nothing of it can be committed any more. */
  end(): void {
    for (const run of this.#runs.values()) run.live = false;
  }

  clear(): void {
    this.end();
    this.#runs = new Map();
    this.#inFlight = 0;
  }
}
