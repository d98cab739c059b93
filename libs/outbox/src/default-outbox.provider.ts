import type { DbProvider } from '@infra-kit/db';
import { messageOf, withDeadline, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import type { OutgoingMessage } from '@infra-kit/mq';
import type { OutboxConfig } from './outbox.config.js';
import {
  closedError,
  invalidArgument,
  outboxError,
  precondition,
  shown,
  type OutboxPlace,
} from './outbox.errors.js';
import {
  OutboxProvider,
  type Inbox,
  type OutboxStats,
  type ParkedMessage,
  type ParkedQuery,
  type PublishOptions,
  type TopicMessage,
} from './outbox.provider.js';
import type { OutboxCounts } from './outbox.telemetry.js';
import { messageRow, type MessageRow, type RowMaker } from './publish/message-row.js';
import type { Publisher } from './publish/publisher.js';
import type { Leader } from './relay/leader.js';
import type { Relay } from './relay/relay.js';
import { missingTable } from './store/missing-table.js';
import type { OutboxStore } from './store/outbox-store.js';
import type { ParkedRows } from './store/parked-rows.js';

export interface OutboxEngine {
  readonly place: OutboxPlace;
  readonly settings: () => OutboxConfig;
  readonly db: DbProvider;
  readonly rows: RowMaker;
  readonly publisher: Publisher;
  readonly relay: Relay;
  readonly leader: Leader;
  readonly store: OutboxStore;
  readonly parkedRows: ParkedRows;
  readonly counts: OutboxCounts;
  readonly inbox: (refuseClosed: () => void) => Inbox;
  readonly migrate: () => Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** The front: checks, limits, and errors in one vocabulary; the work is its parts'. */
export class DefaultOutboxProvider extends OutboxProvider {
  readonly #engine: OutboxEngine;
  override readonly inbox: Inbox;
  #closed = false;

  constructor(engine: OutboxEngine) {
    super();
    this.#engine = engine;
    this.inbox = engine.inbox(() => this.#refuseClosed());
  }

  override get name(): string {
    return this.#engine.place.name;
  }

  /** Whether the module is to start its relay. */
  get relays(): boolean {
    return this.#engine.settings().relay;
  }

  override async publish<T>(
    topic: string,
    message: OutgoingMessage<T>,
    options: PublishOptions = {},
  ): Promise<string> {
    const row = this.#row(topic, { ...Object(message), notBefore: options.notBefore });
    return this.#take([row], options, () => row.id);
  }

  override async publishAll(
    messages: readonly TopicMessage<unknown>[],
    options: CallOptions = {},
  ): Promise<string[]> {
    if (!Array.isArray(messages))
      throw invalidArgument(this.#engine.place, `messages must be a list, got ${shown(messages)}`);
    const rows = messages.map((message: TopicMessage<unknown>) => this.#row(message?.topic, message));
    return this.#take(rows, options, () => rows.map(({ id }) => id));
  }

  override async start(): Promise<void> {
    this.#refuseClosed();
    this.#refuseInside('start');
    this.#engine.relay.start();
  }

  override async stop(): Promise<void> {
    await this.#engine.relay.stop();
    await this.#engine.leader.release();
  }

  override async relayOnce(limit?: number, options: CallOptions = {}): Promise<number> {
    this.#refuseClosed();
    this.#refuseInside('relayOnce');
    const { place, relay, settings } = this.#engine;
    const most = limit ?? settings().batchSize;
    if (!Number.isSafeInteger(most) || most < 1)
      throw invalidArgument(place, `limit must be a whole number ≥ 1, got ${shown(limit)}`);
    return this.#asked('relayOnce', options, async () => {
      const { sent, away } = await relay.once(most);
      if (away === undefined) return sent;
      const why = `the broker takes nothing, ${messageOf(away)}; what is due stays`;
      throw outboxError(place, 'UNAVAILABLE', why, { cause: away });
    });
  }

  override async stats(options: CallOptions = {}): Promise<OutboxStats> {
    this.#refuseClosed();
    const { store, counts } = this.#engine;
    const { pending, oldestAgeMs, parked } = await this.#asked('stats', options, () => store.counts());
    return { pending, oldestAgeMs, sent: counts.sentHere, failed: counts.failedHere, parked };
  }

  override async parked(query: ParkedQuery = {}): Promise<ParkedMessage[]> {
    this.#refuseClosed();
    return this.#asked('parked', query, () => this.#engine.parkedRows.list(query));
  }

  override async retry(ids: readonly string[], options: CallOptions = {}): Promise<number> {
    this.#refuseClosed();
    const count = await this.#asked('retry', options, () => this.#engine.parkedRows.retry(ids));
    if (count > 0) this.#engine.relay.wake();
    return count;
  }

  override async discard(ids: readonly string[], options: CallOptions = {}): Promise<number> {
    this.#refuseClosed();
    const count = await this.#asked('discard', options, () => this.#engine.parkedRows.discard(ids));
    if (count > 0) this.#engine.relay.wake();
    return count;
  }

  override async migrate(options: CallOptions = {}): Promise<string[]> {
    this.#refuseClosed();
    return this.#asked('migrate', options, () => this.#engine.migrate());
  }

  override async health(options: CallOptions = {}): Promise<HealthReport> {
    if (this.#closed) return { status: 'down', detail: { closed: true } };
    const { relay, leader, settings } = this.#engine;
    const facts = {
      relay: relay.running ? (leader.leading ? 'leading' : 'waiting') : 'stopped',
      ...(relay.lastError !== undefined && { lastError: relay.lastError }),
    };
    try {
      const stats = await this.stats({
        ...options,
        timeoutMs: Math.min(HEALTH_LIMIT_MS, options.timeoutMs ?? Infinity),
      });
      const well =
        stats.parked === 0 && stats.oldestAgeMs <= settings().staleAfterMs && relay.lastError === undefined;
      return { status: well ? 'up' : 'degraded', detail: { ...stats, ...facts } };
    } catch (error) {
      return { status: 'down', detail: { ...facts, error: messageOf(error) } };
    }
  }

  override async close(): Promise<void> {
    this.#closed = true;
    await this.#engine.close();
  }

  #row(topic: unknown, message: OutgoingMessage<unknown>): MessageRow {
    this.#refuseClosed();
    return messageRow(this.#engine.rows, topic, message);
  }

  async #take<R>(rows: readonly MessageRow[], options: CallOptions, answer: () => R): Promise<R> {
    return withDeadline(options, Infinity, `${this.#engine.place.label}.publish`, async () => {
      this.#engine.publisher.add(rows);
      return answer();
    });
  }

  /** What a relay marks must not be taken back with somebody's transaction. */
  #refuseInside(method: string): void {
    const { db, place } = this.#engine;
    if (db.em().isInTransaction()) throw precondition(place, `${method} belongs outside of any transaction`);
  }

  async #asked<R>(operation: string, options: CallOptions, ask: () => Promise<R>): Promise<R> {
    const { place } = this.#engine;
    const { signal, timeoutMs } = options;
    try {
      return await withDeadline({ signal, timeoutMs }, Infinity, `${place.label}.${operation}`, ask);
    } catch (error) {
      throw missingTable(place, error);
    }
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError(this.#engine.place);
  }
}

const HEALTH_LIMIT_MS = 2000;
