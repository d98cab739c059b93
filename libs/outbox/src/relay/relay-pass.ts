import type { MqProvider } from '@infra-kit/mq';
import type { OutboxConfig } from '../outbox.config.js';
import type { OutboxStore } from '../store/outbox-store.js';
import type { Leader, Turn } from './leader.js';
import { Sending, type FailedRow } from './sending.js';

export interface PassCounter {
  sent(topic: string, ageMs: number): void;
  failed(topic: string, parked: boolean, code: string): void;
}

interface Parts {
  readonly mq: MqProvider;
  readonly store: OutboxStore;
  readonly leader: Leader;
  readonly settings: () => OutboxConfig;
  readonly count: PassCounter;
}

/** What one pass has done. */
export interface Passed {
  readonly sent: number;
  /** There may be more that is due. */
  readonly full: boolean;
  /** Why the broker took nothing, when it is away. */
  readonly away: unknown;
}

const NOTHING: Passed = { sent: 0, full: false, away: undefined };

/** Reads what is due, sends it, marks it. Whoever dies after the sending and before the mark: it is sent again. */
export class RelayPass {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async run(limit: number): Promise<Passed> {
    return (await this.#parts.leader.turn((turn) => this.#send(turn, limit))) ?? NOTHING;
  }

  async #send({ lanes }: Turn, limit: number): Promise<Passed> {
    const { mq, store, settings, count } = this.#parts;
    const { onParked, sendTimeoutMs, retentionMs } = settings();
    const rows = await store.due({ limit, lanes, block: onParked === 'block' });
    if (rows.length === 0) return NOTHING;
    const { sent, failed, away } = await new Sending(mq, sendTimeoutMs).send(rows);
    if (sent.length > 0)
      await store.sent(
        sent.map(({ seq }) => seq),
        retentionMs > 0,
      );
    for (const { topic, age_ms } of sent) count.sent(topic, age_ms);
    for (const each of failed) await this.#failed(each);
    return { sent: sent.length, full: rows.length >= limit && (sent.length > 0 || failed.length > 0), away };
  }

  async #failed({ row, code, message }: FailedRow): Promise<void> {
    const { store, settings, count } = this.#parts;
    const { maxAttempts, backoffMs, maxBackoffMs } = settings();
    const parks = row.attempts + 1 >= maxAttempts;
    const wait = Math.min(maxBackoffMs, backoffMs * 2 ** row.attempts);
    await store.failed({ seq: row.seq, code, message, backoffMs: wait, parks });
    count.failed(row.topic, parks, code);
  }
}
