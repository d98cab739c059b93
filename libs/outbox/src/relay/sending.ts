import { isInfraError, messageOf, type InfraErrorCode } from '@infra-kit/kernel';
import type { MqProvider, OutgoingMessage } from '@infra-kit/mq';
import type { KeptHeaders } from '../publish/message-row.js';
import type { DueRow } from '../store/outbox-store.js';

export interface FailedRow {
  readonly row: DueRow;
  readonly code: string;
  readonly message: string;
}

/** What became of messages that were to be sent. Those that are in neither list were not tried. */
export interface Outcome {
  readonly sent: readonly DueRow[];
  readonly failed: readonly FailedRow[];
  /** The broker is away: nobody's fault but its own. */
  readonly away?: unknown;
}

/** They may mean that the broker is away, or that it takes nothing just now. */
const AWAY: ReadonlySet<InfraErrorCode> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
]);

export function outgoing(row: DueRow): OutgoingMessage<unknown> {
  const headers = Object.entries(JSON.parse(row.headers) as KeptHeaders).map(
    ([name, value]) =>
      [name, typeof value === 'string' ? value : Buffer.from(value.base64, 'base64')] as const,
  );
  return {
    key: row.key === null ? undefined : Buffer.from(row.key, 'base64'),
    value: valueOf(row),
    headers: Object.fromEntries(headers),
    partition: row.partition ?? undefined,
    timestamp: row.timestamp_ms === null ? undefined : Number(row.timestamp_ms),
  };
}

export function valueOf({ payload, bytes }: Pick<DueRow, 'payload' | 'bytes'>): unknown {
  if (bytes !== null) return Buffer.from(bytes, 'base64');
  return payload === null ? null : JSON.parse(payload);
}

const failure = (row: DueRow, error: unknown): FailedRow => ({
  row,
  code: isInfraError(error) ? error.code : 'INTERNAL',
  message: messageOf(error),
});

/** Sends messages of one topic, in their order, and tells which of them are at fault when that fails. */
export class Sending {
  readonly #mq: MqProvider;
  readonly #timeoutMs: number;

  constructor(mq: MqProvider, timeoutMs: number) {
    this.#mq = mq;
    this.#timeoutMs = timeoutMs;
  }

  /** All topics beside each other. */
  async send(rows: readonly DueRow[]): Promise<Outcome> {
    const topics = [...Map.groupBy(rows, ({ topic }) => topic)];
    const outcomes = await Promise.all(topics.map(([topic, own]) => this.#topic(topic, own)));
    return {
      sent: outcomes.flatMap(({ sent }) => sent),
      failed: outcomes.flatMap(({ failed }) => failed),
      away: outcomes.find(({ away }) => away !== undefined)?.away,
    };
  }

  async #topic(topic: string, rows: readonly DueRow[]): Promise<Outcome> {
    try {
      await this.#mq.sendBatch(topic, rows.map(outgoing), { timeoutMs: this.#timeoutMs });
      return { sent: rows, failed: [] };
    } catch (error) {
      if (await this.#isAway(error)) return { sent: [], failed: [], away: error };
      const [first] = rows;
      // the broker is there and does not take them: one a pass is tried for, or each would wait for its time limit
      if (first !== undefined && (rows.length === 1 || isAwayCode(error)))
        return { sent: [], failed: [failure(first, error)] };
      return this.#oneByOne(topic, rows);
    }
  }

  /** Finds who is at fault. Behind one that fails, those of its key are not tried. */
  async #oneByOne(topic: string, rows: readonly DueRow[]): Promise<Outcome> {
    const sent: DueRow[] = [];
    const failed: FailedRow[] = [];
    const held = new Set<string>();
    for (const row of rows) {
      if (row.key !== null && held.has(row.key)) continue;
      try {
        await this.#mq.send(topic, outgoing(row), { timeoutMs: this.#timeoutMs });
        sent.push(row);
      } catch (error) {
        if (await this.#isAway(error)) return { sent, failed, away: error };
        failed.push(failure(row, error));
        if (isAwayCode(error)) break;
        if (row.key !== null) held.add(row.key);
      }
    }
    return { sent, failed };
  }

  async #isAway(error: unknown): Promise<boolean> {
    return isAwayCode(error) && (await this.#mq.health()).status === 'down';
  }
}

const isAwayCode = (error: unknown): boolean => isInfraError(error) && AWAY.has(error.code);
