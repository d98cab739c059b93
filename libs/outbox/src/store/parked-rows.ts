import { isUtf8 } from 'node:buffer';
import { invalidArgument, shown, type OutboxPlace } from '../outbox.errors.js';
import type { ParkedMessage, ParkedQuery } from '../outbox.provider.js';
import type { KeptHeaders } from '../publish/message-row.js';
import { valueOf } from '../relay/sending.js';
import type { NamedSql } from './named-sql.js';

interface ParkedRow {
  readonly id: string;
  readonly topic: string;
  readonly key: string | null;
  readonly payload: string | null;
  readonly bytes: string | null;
  readonly headers: string;
  readonly created_ms: number;
  readonly parked_ms: number;
  readonly attempts: number;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DEFAULT_LIMIT = 100;
const MOST = 1000;

/** Messages that were given up. */
export class ParkedRows {
  readonly #sql: NamedSql;
  readonly #place: OutboxPlace;

  constructor(sql: NamedSql, place: OutboxPlace) {
    this.#sql = sql;
    this.#place = place;
  }

  async list({ limit = DEFAULT_LIMIT, after }: ParkedQuery): Promise<ParkedMessage[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST)
      throw invalidArgument(
        this.#place,
        `limit must be a whole number from 1 to ${MOST}, got ${shown(limit)}`,
      );
    if (after !== undefined) this.#check('after', after);
    const rows = await this.#sql.run<ParkedRow>`
      select id, topic, encode(key, 'base64') as key, payload::text as payload, encode(bytes, 'base64') as bytes,
        headers::text as headers, attempts, error_code, error_message,
        floor(extract(epoch from created_at) * 1000)::float8 as created_ms,
        floor(extract(epoch from parked_at) * 1000)::float8 as parked_ms
      from ~outbox
      where parked_at is not null and sent_at is null and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
      order by id limit ${limit}::integer`;
    return rows.map(parkedMessage);
  }

  async retry(ids: readonly string[]): Promise<number> {
    const rows = await this.#sql.run`update ~outbox set parked_at = null, attempts = 0, due_at = null
      where id = any(${this.#checked(ids)}::text[]::uuid[]) and parked_at is not null and sent_at is null
      returning 1 as done`;
    return rows.length;
  }

  async discard(ids: readonly string[]): Promise<number> {
    const rows = await this.#sql.run`delete from ~outbox
      where id = any(${this.#checked(ids)}::text[]::uuid[]) and parked_at is not null and sent_at is null
      returning 1 as done`;
    return rows.length;
  }

  #checked(ids: unknown): readonly string[] {
    if (!Array.isArray(ids)) throw invalidArgument(this.#place, `ids must be a list, got ${shown(ids)}`);
    return ids.map((id: unknown) => this.#check('ids', id));
  }

  #check(field: string, id: unknown): string {
    if (typeof id === 'string' && UUID.test(id)) return id;
    throw invalidArgument(this.#place, `${field}: a message's id is a UUID, got ${shown(id)}`);
  }
}

function parkedMessage(row: ParkedRow): ParkedMessage {
  const { id, topic, created_ms, parked_ms, attempts, error_code, error_message } = row;
  const key = row.key === null ? undefined : Buffer.from(row.key, 'base64');
  const headers = Object.entries(JSON.parse(row.headers) as KeptHeaders).map(
    ([name, value]) =>
      [name, typeof value === 'string' ? value : Buffer.from(value.base64, 'base64')] as const,
  );
  return {
    id,
    topic,
    key: key !== undefined && isUtf8(key) ? key.toString() : key,
    value: valueOf(row),
    headers: Object.fromEntries(headers),
    createdAt: new Date(created_ms),
    parkedAt: new Date(parked_ms),
    attempts,
    error: { code: error_code ?? 'INTERNAL', message: error_message ?? '' },
  };
}
