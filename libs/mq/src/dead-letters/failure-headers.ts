import { messageOf } from '@infra-kit/kernel';
import { headerText } from '../consuming/incoming.js';
import type { RawHeaders, StoredRecord, TopicPartition } from '../drivers/mq-driver.js';

/** What a message has been through: kept in headers while it is in a retry or dead-letter topic. */
export interface FailureRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly group: string;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  readonly lastFailedAt: Date;
  readonly error: { readonly name: string; readonly code: string | undefined; readonly message: string };
}

const DEAD = 'x-dlq-';
/** When a message of a retry topic is due: epoch milliseconds. */
export const DUE_HEADER = 'x-retry-due';
/** Tries in this round: since the message was sent, or redriven. */
export const TRIES_HEADER = 'x-retry-tries';
/** Of a marker in a dead-letter topic: its value lists letters that are done with. */
export const DONE_HEADER = 'x-dlq-done';

const LONGEST_MESSAGE = 2000;

/** Name, code and message of whatever was thrown; a poison message whose error cannot even be read is still a dead letter. */
export function describeError(error: unknown): FailureRecord['error'] {
  const name = memberOf(error, 'name');
  const code = memberOf(error, 'code');
  return {
    name: typeof name === 'string' ? name : typeof error,
    code: typeof code === 'string' || typeof code === 'number' ? `${code}` : undefined,
    message: messageOf(error).slice(0, LONGEST_MESSAGE),
  };
}

function memberOf(error: unknown, member: string): unknown {
  try {
    return Reflect.get(Object(error), member);
  } catch {
    return undefined;
  }
}

const isOwn = (name: string): boolean =>
  name.startsWith(DEAD) || name === DUE_HEADER || name === TRIES_HEADER;

/** The message's own headers, without what this component has added. */
export function plainHeaders(headers: RawHeaders): RawHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isOwn(name)));
}

function entries(failure: FailureRecord): Record<string, Buffer> {
  const texts: Record<string, string> = {
    topic: failure.topic,
    partition: `${failure.partition}`,
    offset: `${failure.offset}`,
    group: failure.group,
    attempts: `${failure.attempts}`,
    'first-failed-at': failure.firstFailedAt.toISOString(),
    'last-failed-at': failure.lastFailedAt.toISOString(),
    'error-name': failure.error.name,
    'error-code': failure.error.code ?? '',
    'error-message': failure.error.message,
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [`${DEAD}${name}`, Buffer.from(text)]),
  );
}

/** Headers of a dead letter: the message's own and the cause. */
export function deadHeaders(headers: RawHeaders, failure: FailureRecord): RawHeaders {
  return { ...plainHeaders(headers), ...entries(failure) };
}

/** Headers of a message that waits in a retry topic. */
export function retryHeaders(
  headers: RawHeaders,
  failure: FailureRecord,
  { tries, dueAt }: { readonly tries: number; readonly dueAt: number },
): RawHeaders {
  return {
    ...deadHeaders(headers, failure),
    [TRIES_HEADER]: Buffer.from(`${tries}`),
    [DUE_HEADER]: Buffer.from(`${dueAt}`),
  };
}

/** Headers of a message that goes back to its origin: its own, and how often it was tried and since when. */
export function redriveHeaders(headers: RawHeaders): RawHeaders {
  const kept = ['attempts', 'first-failed-at'].map((name) => `${DEAD}${name}`);
  const counts = Object.entries(headers).filter(([name]) => kept.includes(name));
  return { ...plainHeaders(headers), ...Object.fromEntries(counts) };
}

const numberIn = (headers: RawHeaders, name: string): number => Number(headerText(headers, name) ?? 0) || 0;

export const triesBefore = (headers: RawHeaders): number => numberIn(headers, TRIES_HEADER);
export const attemptsBefore = (headers: RawHeaders): number => numberIn(headers, `${DEAD}attempts`);
export const dueAt = (headers: RawHeaders): number => numberIn(headers, DUE_HEADER);
export const failedGroup = (headers: RawHeaders): string | undefined => headerText(headers, `${DEAD}group`);

export function firstFailedAt(headers: RawHeaders): Date | undefined {
  const at = new Date(headerText(headers, `${DEAD}first-failed-at`) ?? NaN);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** Where a message was sent to at first: what its retry's headers say, else where it lies. */
export function originOf(
  place: TopicPartition,
  { headers, offset }: StoredRecord,
): Pick<FailureRecord, 'topic' | 'partition' | 'offset'> {
  const topic = headers[TRIES_HEADER] === undefined ? undefined : headerText(headers, `${DEAD}topic`);
  if (topic === undefined) return { topic: place.topic, partition: place.partition, offset };
  return {
    topic,
    partition: numberIn(headers, `${DEAD}partition`),
    offset: BigInt(headerText(headers, `${DEAD}offset`) ?? 0),
  };
}

/** What the headers of a dead letter say; undefined for a record that is none. */
export function readFailure(headers: RawHeaders): FailureRecord | undefined {
  const text = (name: string): string | undefined => headerText(headers, `${DEAD}${name}`);
  const [topic, offset, group] = [text('topic'), text('offset'), text('group')];
  if (topic === undefined || offset === undefined || !/^\d+$/.test(offset) || group === undefined)
    return undefined;
  const code = text('error-code');
  return {
    topic,
    partition: numberIn(headers, `${DEAD}partition`),
    offset: BigInt(offset),
    group,
    attempts: attemptsBefore(headers),
    firstFailedAt: new Date(text('first-failed-at') ?? 0),
    lastFailedAt: new Date(text('last-failed-at') ?? 0),
    error: {
      name: text('error-name') ?? '',
      code: code === '' ? undefined : code,
      message: text('error-message') ?? '',
    },
  };
}
