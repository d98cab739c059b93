import { randomUUID } from 'node:crypto';

/** Identity of a span as it travels: W3C Trace Context, https://www.w3.org/TR/trace-context/. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

const TRACE_ID = /^[0-9a-f]{32}$/i;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/** A trace id in lower case when `value` is 32 hex digits and not all zero, else undefined. */
export function validTraceId(value: unknown): string | undefined {
  if (typeof value !== 'string' || !TRACE_ID.test(value)) return undefined;
  const id = value.toLowerCase();
  return id === ZERO_TRACE ? undefined : id;
}

/** Reads a `traceparent` header; undefined for anything the specification calls invalid. */
export function parseTraceparent(value: unknown): TraceParent | undefined {
  if (typeof value !== 'string') return undefined;
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(value.trim()) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined)
    return undefined;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

export function formatTraceparent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${(flags & 0xff).toString(16).padStart(2, '0')}`;
}

/** 32 random hex digits, of a version 4 UUID: Node keeps random bytes in stock for these, so it costs no system call. */
export const newTraceId = (): string => randomUUID().replaceAll('-', '');
export const newSpanId = (): string => newTraceId().slice(16);
