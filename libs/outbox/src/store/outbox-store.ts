import type { MessageRow } from '../publish/message-row.js';
import type { NamedSql } from './named-sql.js';

/** A message that is due, as the relay reads it. */
export interface DueRow {
  readonly seq: string;
  readonly id: string;
  readonly topic: string;
  /** Base64. */
  readonly key: string | null;
  readonly payload: string | null;
  readonly bytes: string | null;
  readonly headers: string;
  readonly partition: number | null;
  readonly timestamp_ms: string | null;
  readonly attempts: number;
  readonly age_ms: number;
}

export interface DueQuery {
  readonly limit: number;
  /** Of `of` lanes those that may be sent; undefined: all. */
  readonly lanes?: { readonly mine: readonly number[]; readonly of: number } | undefined;
  /** Whether a parked message holds back those of its key. */
  readonly block: boolean;
}

export interface InsertOptions {
  /** Whether transactions take turns at a key. */
  readonly ordered: boolean;
  /** Where relays listen. */
  readonly channel: string | undefined;
}

export interface Failure {
  readonly seq: string;
  readonly code: string;
  readonly message: string;
  readonly backoffMs: number;
  readonly parks: boolean;
}

export interface Counts {
  readonly pending: number;
  readonly oldestAgeMs: number;
  readonly parked: number;
}

const LONGEST_MESSAGE = 2000;

/** The rows of the outbox: every statement on them. Each joins the running transaction, where there is one. */
export class OutboxStore {
  readonly #sql: NamedSql;

  constructor(sql: NamedSql) {
    this.#sql = sql;
  }

  /**
   * One statement. The locks of topics and keys are taken before the first row gets its place: a transaction that comes
   * second at a key waits for the commit of the first, and its rows stand behind. They are sorted, so that two
   * transactions never wait for each other.
   */
  async insert(rows: readonly MessageRow[], { ordered, channel }: InsertOptions): Promise<void> {
    const [one] = rows;
    if (one === undefined) return;
    const lockOf = ({ lock }: MessageRow): bigint | null => (ordered ? lock : null);
    if (rows.length === 1) return this.#insertOne(one, lockOf(one), channel ?? null);
    const locks = [...new Set(rows.map(lockOf))].filter((lock) => lock !== null);
    await this.#insertMany(
      rows,
      locks.sort((a, b) => (a < b ? -1 : 1)),
      channel ?? null,
    );
  }

  /** The usual case, and the cheapest to plan. Without a lock there is nothing to wait for. */
  async #insertOne(row: MessageRow, lock: bigint | null, channel: string | null): Promise<void> {
    const { id, topic, key, slot, payload, bytes, headers, partition, timestampMs, dueAt } = row;
    await this.#sql.run`
      insert into ~outbox (id, topic, key, slot, payload, bytes, headers, partition, timestamp_ms, due_at)
      select ${id}::uuid, ${topic}::text, decode(${key}::text, 'base64'), ${slot}::smallint, ${payload}::json,
        decode(${bytes}::text, 'base64'), ${headers}::json, ${partition}::integer, ${timestampMs}::bigint,
        ${dueAt}::timestamptz
      from (select pg_advisory_xact_lock(${lock === null ? null : String(lock)}::bigint),
        case when ${channel}::text is not null then pg_notify(${channel}::text, '') end) as first`;
  }

  async #insertMany(
    rows: readonly MessageRow[],
    locks: readonly bigint[],
    channel: string | null,
  ): Promise<void> {
    const column = <K extends keyof MessageRow>(name: K): (string | null)[] =>
      rows.map((row) => (row[name] === null ? null : String(row[name])));
    await this.#sql.run`
      with first as materialized (
        select pg_advisory_xact_lock(each::bigint) from unnest(${locks.map(String)}::text[]) as each
      ), told as materialized (
        select case when ${channel}::text is not null then pg_notify(${channel}::text, '') end
      )
      insert into ~outbox (id, topic, key, slot, payload, bytes, headers, partition, timestamp_ms, due_at)
      select id::uuid, topic, decode(key, 'base64'), slot::smallint, payload::json, decode(bytes, 'base64'),
        headers::json, partition::integer, timestamp_ms::bigint, due_at::timestamptz
      from unnest(${column('id')}::text[], ${column('topic')}::text[], ${column('key')}::text[],
        ${column('slot')}::text[], ${column('payload')}::text[], ${column('bytes')}::text[],
        ${column('headers')}::text[], ${column('partition')}::text[], ${column('timestampMs')}::text[],
        ${column('dueAt')}::text[])
        with ordinality as row(id, topic, key, slot, payload, bytes, headers, partition, timestamp_ms, due_at, place)
      where (select count(*) from first) >= 0 and (select count(*) from told) >= 0
      order by place`;
  }

  /** Oldest first. What waits behind a message of its key that is parked, or waits for its next try, is left out. */
  due({ limit, lanes, block }: DueQuery): Promise<DueRow[]> {
    const mine = lanes === undefined ? null : lanes.mine.map(String);
    return this.#sql.run<DueRow>`
      select seq, id, topic, encode(key, 'base64') as key, payload::text as payload, encode(bytes, 'base64') as bytes,
        headers::text as headers, partition, timestamp_ms, attempts,
        (extract(epoch from clock_timestamp() - greatest(created_at, due_at)) * 1000)::float8 as age_ms
      from ~outbox as one
      where sent_at is null and parked_at is null and (due_at is null or due_at <= now())
        and (${mine}::text[] is null or (slot % ${lanes?.of ?? 1}::integer)::text = any(${mine}::text[]))
        and not exists (
          select 1 from ~outbox as before
          where before.sent_at is null and before.attempts > 0
            and before.topic = one.topic and before.key = one.key and before.seq < one.seq
            and case when before.parked_at is null then before.due_at > now() else ${block}::boolean end)
      order by seq limit ${limit}::integer`;
  }

  /** Lanes, out of `of`, of the oldest messages that may be due. */
  async dueLanes(of: number, look: number): Promise<number[]> {
    const rows = await this.#sql.run<{ lane: number }>`
      select distinct slot % ${of}::integer as lane from (
        select slot from ~outbox where sent_at is null and parked_at is null and (due_at is null or due_at <= now())
        order by seq limit ${look}::integer) as oldest`;
    return rows.map(({ lane }) => lane);
  }

  async sent(seqs: readonly string[], keep: boolean): Promise<void> {
    if (keep)
      await this.#sql.run`update ~outbox set sent_at = clock_timestamp()
        where seq = any(${seqs}::text[]::bigint[]) and sent_at is null`;
    else await this.#sql.run`delete from ~outbox where seq = any(${seqs}::text[]::bigint[])`;
  }

  async failed({ seq, code, message, backoffMs, parks }: Failure): Promise<void> {
    await this.#sql.run`update ~outbox set attempts = attempts + 1, error_code = ${code},
      error_message = ${message.slice(0, LONGEST_MESSAGE).replaceAll('\0', '')},
      due_at = clock_timestamp() + ${backoffMs}::float8 * interval '1 millisecond',
      parked_at = case when ${parks}::boolean then clock_timestamp() end
      where seq = ${seq}::bigint and sent_at is null`;
  }

  async counts(): Promise<Counts> {
    const [row] = await this.#sql.run<{ pending: number; oldest: number; parked: number }>`
      select
        (select count(*) from ~outbox where sent_at is null and parked_at is null)::float8 as pending,
        (select coalesce(greatest(0, extract(epoch from clock_timestamp() - min(greatest(created_at, due_at))) * 1000), 0)
          from ~outbox where sent_at is null and parked_at is null and (due_at is null or due_at <= now()))::float8
          as oldest,
        (select count(*) from ~outbox where sent_at is null and parked_at is not null)::float8 as parked`;
    return {
      pending: row?.pending ?? 0,
      oldestAgeMs: Math.round(row?.oldest ?? 0),
      parked: row?.parked ?? 0,
    };
  }
}
