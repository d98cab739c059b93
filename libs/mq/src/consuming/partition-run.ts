import type { Progress } from './progress.js';
import type { StoredRecord, TopicPartition } from '../drivers/mq-driver.js';

/** One record on its way through a subscription. */
export class Delivery {
  readonly run: PartitionRun;
  readonly record: StoredRecord;
  done = false;
  /** How far the handling of it has come. */
  progress: Progress | undefined;

  constructor(run: PartitionRun, record: StoredRecord) {
    this.run = run;
    this.record = record;
  }
}

/**
 * One partition for as long as this member has it: what has been received, what is finished, and so what may be
 * committed. A seek, a rebalance and a crash each begin a new run; what is left of the old one no longer counts.
 */
export class PartitionRun implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** False when the partition is no longer ours, or reading has begun elsewhere. */
  live = true;
  /** Fetching stands still because too much is unfinished. */
  pressed = false;
  /** What the group has stored; undefined: nothing. */
  committed: bigint | undefined;
  highWatermark: bigint;
  #next: bigint;
  #reached = -1n;
  #open: Delivery[] = [];
  #head = 0;

  constructor({ topic, partition }: TopicPartition, start: bigint, committed: bigint | undefined) {
    this.topic = topic;
    this.partition = partition;
    this.committed = committed;
    this.highWatermark = start;
    this.#next = start;
  }

  /** The first record that is not finished, else the next to come: all before it is done. */
  get position(): bigint {
    return this.#open[this.#head]?.record.offset ?? this.#next;
  }

  get unfinished(): number {
    return this.#open.length - this.#head;
  }

  get lag(): bigint {
    return this.highWatermark > this.position ? this.highWatermark - this.position : 0n;
  }

  get uncommitted(): boolean {
    return this.live && this.committed !== this.position;
  }

  /** What of these is new. */
  take(records: readonly StoredRecord[]): Delivery[] {
    const fresh = records.filter(({ offset }) => offset >= this.#next);
    const deliveries = fresh.map((record) => new Delivery(this, record));
    const last = fresh.at(-1);
    if (last !== undefined) this.#next = last.offset + 1n;
    for (const delivery of deliveries) this.#open.push(delivery);
    return deliveries;
  }

  /** A handler has begun with it. */
  begin({ record }: Delivery): void {
    if (record.offset > this.#reached) this.#reached = record.offset;
  }

  /** A later message has been begun: were this one left, the later one would come again. */
  isGap({ record }: Delivery): boolean {
    return record.offset < this.#reached;
  }

  finish(delivery: Delivery): void {
    delivery.done = true;
    while (this.#open[this.#head]?.done === true) this.#head++;
    if (this.#head < 1024 && this.#head < this.#open.length) return;
    this.#open = this.#open.slice(this.#head);
    this.#head = 0;
  }
}
