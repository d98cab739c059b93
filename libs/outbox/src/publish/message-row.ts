import { hash, randomInt } from 'node:crypto';
import {
  DEADLINE_HEADER,
  InfraContext,
  TRACE_ID_HEADER,
  TRACEPARENT_HEADER,
  type Clock,
} from '@infra-kit/kernel';
import type { OutgoingMessage } from '@infra-kit/mq';
import { invalidArgument, shown, type OutboxPlace } from '../outbox.errors.js';
import { uuidV7 } from './uuid-v7.js';

/** The header that carries a message's id. */
export const MESSAGE_ID_HEADER = 'x-message-id';
/** Keys hash to as many; `lanes` divides them. */
export const SLOTS = 1024;
const TOPIC = /^(?!\.{1,2}$)[\w.-]{1,249}$/;
/** A Date ends there. */
const LAST_MS = 8.64e15;

/** Headers as they are kept: bytes that are no text as base64. */
export type KeptHeaders = Readonly<Record<string, string | { readonly base64: string }>>;

/** A message as its row will be. */
export interface MessageRow {
  readonly id: string;
  readonly topic: string;
  /** Base64. */
  readonly key: string | null;
  readonly slot: number;
  /** The advisory lock of topic and key; null: nothing is promised of its order. */
  readonly lock: bigint | null;
  /** JSON. Null with `bytes`, and for a tombstone. */
  readonly payload: string | null;
  /** Base64 of a value that is bytes. */
  readonly bytes: string | null;
  /** JSON of `KeptHeaders`. */
  readonly headers: string;
  readonly partition: number | null;
  readonly timestampMs: number | null;
  /** ISO 8601. */
  readonly dueAt: string | null;
}

export interface RowMaker {
  readonly place: OutboxPlace;
  readonly clock: Clock;
  /** Of the outbox: its locks are not those of another. */
  readonly table: string;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

function keyOf(place: OutboxPlace, key: unknown): Buffer | undefined {
  if (key === undefined || key === null) return undefined;
  if (typeof key === 'string') return Buffer.from(key);
  if (Buffer.isBuffer(key)) return key;
  throw invalidArgument(place, `key must be a string or a Buffer, got ${shown(key)}`);
}

function valueOf(place: OutboxPlace, value: unknown): Pick<MessageRow, 'payload' | 'bytes'> {
  if (value === null) return { payload: null, bytes: null };
  if (value instanceof Uint8Array) return { payload: null, bytes: base64(value) };
  let payload: string | undefined;
  try {
    payload = JSON.stringify(value);
  } catch (error) {
    throw invalidArgument(place, `value: JSON cannot write ${shown(value)}`, error);
  }
  if (payload === undefined) throw invalidArgument(place, `value: JSON has no ${typeof value}`);
  return { payload, bytes: null };
}

/** The trace of the publisher, made where there is none. Its deadline stays behind: the message outlives it. */
function trace(): Record<string, string> {
  const headers: Record<string, string> = {};
  const inject = (): unknown =>
    InfraContext.inject(headers, (carrier, name, text) => {
      if (name !== DEADLINE_HEADER) carrier[name] = text;
    });
  if (InfraContext.traceId() === undefined) InfraContext.run({}, inject);
  else inject();
  return headers;
}

function headersOf(place: OutboxPlace, given: unknown, id: string): KeptHeaders {
  if (given !== undefined && !isObject(given))
    throw invalidArgument(place, `headers must be an object, got ${shown(given)}`);
  const own: [string, unknown][] = Object.entries(given ?? {});
  const traced = own.some(([name]) => name === TRACEPARENT_HEADER || name === TRACE_ID_HEADER);
  const headers: Record<string, KeptHeaders[string]> = traced ? {} : trace();
  for (const [name, value] of own) {
    if (name === MESSAGE_ID_HEADER)
      throw invalidArgument(place, `headers.${name} is the message's id, which the outbox gives`);
    if (typeof value === 'string') headers[name] = value;
    else if (Buffer.isBuffer(value)) headers[name] = { base64: base64(value) };
    else throw invalidArgument(place, `headers.${name} must be a string or a Buffer, got ${shown(value)}`);
  }
  headers[MESSAGE_ID_HEADER] = id;
  return headers;
}

function whole(place: OutboxPlace, field: string, value: unknown): number | null {
  if (value === undefined) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidArgument(place, `${field} must be a whole number ≥ 0, got ${shown(value)}`);
}

function dueAt(place: OutboxPlace, notBefore: unknown): string | null {
  if (notBefore === undefined) return null;
  const ms = notBefore instanceof Date ? notBefore.getTime() : notBefore;
  if (typeof ms === 'number' && ms >= 0 && ms <= LAST_MS) return new Date(ms).toISOString();
  throw invalidArgument(place, `notBefore must be a Date or epoch milliseconds, got ${shown(notBefore)}`);
}

/** 64 bits that topic and key, and nothing else, decide. */
function lockOf(table: string, topic: string, key: Buffer): bigint {
  const digest = hash('sha1', Buffer.concat([Buffer.from(`${table}\0${topic}\0`), key]), 'buffer');
  return digest.readBigInt64BE();
}

/** Checks a message and makes its row. INVALID_ARGUMENT names what is wrong with it. */
export function messageRow(
  { place, clock, table }: RowMaker,
  topic: unknown,
  message: OutgoingMessage<unknown> & { readonly notBefore?: unknown },
): MessageRow {
  if (typeof topic !== 'string' || !TOPIC.test(topic))
    throw invalidArgument(
      place,
      `topic must be 1 to 249 letters, digits, '.', '_' and '-', got ${shown(topic)}`,
    );
  if (!isObject(message)) throw invalidArgument(place, `message must be an object, got ${shown(message)}`);
  const key = keyOf(place, message.key);
  const lock = key === undefined ? null : lockOf(table, topic, key);
  const id = uuidV7(clock.now());
  return {
    id,
    topic,
    key: key === undefined ? null : base64(key),
    slot: lock === null ? randomInt(SLOTS) : Number(BigInt.asUintN(10, lock)),
    lock,
    ...valueOf(place, message.value),
    headers: JSON.stringify(headersOf(place, message.headers, id)),
    partition: whole(place, 'partition', message.partition),
    timestampMs: whole(place, 'timestamp', message.timestamp),
    dueAt: dueAt(place, message.notBefore),
  };
}
