import type { Clock } from '@infra-kit/kernel';
import type { OutboxConfig } from '../outbox.config.js';
import type { Leader } from './leader.js';
import type { NamedSql } from '../store/named-sql.js';

interface Parts {
  readonly clock: Clock;
  readonly sql: NamedSql;
  readonly leader: Leader;
  readonly settings: () => OutboxConfig;
}

/** Removes what is older than it is to be kept, a few rows a statement: never one long deletion. */
export class Cleaner {
  readonly #parts: Parts;
  /** By the monotonic clock. */
  #nextAt = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** When it is time, and this relay leads. */
  async tidy(signal: AbortSignal): Promise<void> {
    const { clock, leader, settings } = this.#parts;
    if (!leader.leading || clock.monotonic() < this.#nextAt) return;
    this.#nextAt = clock.monotonic() + settings().cleanupIntervalMs;
    await this.clean(signal);
  }

  /** How many rows went. */
  async clean(signal: AbortSignal): Promise<number> {
    const { settings } = this.#parts;
    const { retentionMs, inboxRetentionMs, cleanupBatch } = settings();
    const outbox = await this.#drain(signal, cleanupBatch, () => this.#sent(retentionMs, cleanupBatch));
    const inbox = await this.#drain(signal, cleanupBatch, () =>
      this.#handled(inboxRetentionMs, cleanupBatch),
    );
    return outbox + inbox;
  }

  async #drain(signal: AbortSignal, batch: number, remove: () => Promise<object[]>): Promise<number> {
    let total = 0;
    while (!signal.aborted) {
      const { length } = await remove();
      total += length;
      if (length < batch) break;
    }
    return total;
  }

  #sent(retentionMs: number, batch: number): Promise<object[]> {
    return this.#parts.sql.run`delete from ~outbox where seq in (
      select seq from ~outbox where sent_at < now() - ${retentionMs}::float8 * interval '1 millisecond'
      order by sent_at limit ${batch}::integer for update skip locked) returning 1 as gone`;
  }

  #handled(retentionMs: number, batch: number): Promise<object[]> {
    return this.#parts.sql.run`delete from ~inbox where (consumer, message_id) in (
      select consumer, message_id from ~inbox
      where handled_at < now() - ${retentionMs}::float8 * interval '1 millisecond'
      limit ${batch}::integer for update skip locked) returning 1 as gone`;
  }
}
