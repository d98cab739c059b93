import type { NewRecord, StoredRecord } from '../mq-driver.js';

/** One partition: records in the order of their offsets, the oldest dropped beyond `retention`. */
export class MemoryPartition {
  readonly #retention: number;
  readonly #waiting = new Set<() => void>();
  /** Cut in blocks, so that dropping the oldest record does not move all others. */
  #records: StoredRecord[] = [];
  #dropped = 0;
  #high = 0n;

  constructor(retention: number) {
    this.#retention = retention;
  }

  get high(): bigint {
    return this.#high;
  }

  get low(): bigint {
    return this.#high - BigInt(this.#records.length - this.#dropped);
  }

  append({ key, value, headers, timestamp }: NewRecord, now: number): bigint {
    const offset = this.#high++;
    this.#records.push({ offset, key, value, headers, timestamp: timestamp ?? now });
    if (this.#records.length - this.#dropped > this.#retention) this.#dropOldest();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
    return offset;
  }

  /** At most `limit` records from `offset` on, or from the oldest there is. */
  read(offset: bigint, limit: number): StoredRecord[] {
    const from = offset > this.low ? offset : this.low;
    const start = this.#dropped + Number(from - this.low);
    return this.#records.slice(start, start + limit);
  }

  offsetAt(timestamp: number): bigint {
    return (
      this.read(0n, this.#records.length).find((record) => record.timestamp >= timestamp)?.offset ??
      this.#high
    );
  }

  /** Calls `wake` once, at the next append. */
  onAppend(wake: () => void): void {
    this.#waiting.add(wake);
  }

  offAppend(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  #dropOldest(): void {
    this.#dropped++;
    if (this.#dropped < this.#retention) return;
    this.#records = this.#records.slice(this.#dropped);
    this.#dropped = 0;
  }
}
