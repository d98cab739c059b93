import { AsyncLocalStorage } from 'node:async_hooks';
import { trace } from '@opentelemetry/api';
import { InfraError } from '../errors/infra-error.js';
import { newTraceId, parseTraceparent, validTraceId, type TraceParent } from './trace-ids.js';

export interface ContextInit {
  /** 32 hex digits; anything else is replaced. `traceparent` wins over it. */
  readonly traceId?: string | undefined;
  /** A W3C `traceparent` header value. */
  readonly traceparent?: string | undefined;
  /** Absolute deadline: a Date or epoch milliseconds. */
  readonly deadline?: Date | number | undefined;
  /** Relative deadline in milliseconds from now. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

export interface ContextData {
  readonly traceId: string;
  /** The caller's span, when the context came in with a `traceparent`. */
  readonly parent: TraceParent | undefined;
  /** Epoch milliseconds; for display and for headers. */
  readonly deadline: number | undefined;
  /** The same deadline on `performance.now()`, which no step of the wall clock moves. */
  readonly deadlineMonotonic: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

export const contextStore = new AsyncLocalStorage<ContextData | undefined>();

function bothSignals(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  return AbortSignal.any([a, b]);
}

function milliseconds(field: 'deadline' | 'timeoutMs', value: Date | number): number {
  const ms = Number(value);
  if (!Number.isNaN(ms) && (field === 'deadline' || ms >= 0)) return ms;
  const wanted = field === 'deadline' ? 'a valid Date or epoch milliseconds' : 'milliseconds ≥ 0';
  throw new InfraError('INVALID_ARGUMENT', `InfraContext: ${field} must be ${wanted}, got ${String(value)}`);
}

/** Milliseconds from `wall` until the nearer end of `init`; Infinity without one. */
function remainingOf({ deadline, timeoutMs }: ContextInit, wall: number): number {
  const until = deadline === undefined ? Infinity : milliseconds('deadline', deadline) - wall;
  return timeoutMs === undefined ? until : Math.min(until, milliseconds('timeoutMs', timeoutMs));
}

/** The context that `init` gives inside `outer`: the nearer deadline, either signal, merged attributes, a trace id in any case. */
export function deriveContext(outer: ContextData | undefined, init: ContextInit): ContextData {
  const given = parseTraceparent(init.traceparent);
  const traceId =
    given?.traceId ?? validTraceId(init.traceId) ?? activeSpanTraceId() ?? outer?.traceId ?? newTraceId();
  const wall = Date.now(); // read once, so that the deadline given is the deadline kept
  const remaining = remainingOf(init, wall);
  const nearer = remaining < remainingIn(outer);
  return {
    traceId,
    parent: given ?? (traceId === outer?.traceId ? outer.parent : undefined),
    deadline: nearer ? wall + remaining : outer?.deadline,
    deadlineMonotonic: nearer ? performance.now() + remaining : outer?.deadlineMonotonic,
    signal: bothSignals(outer?.signal, init.signal),
    attributes: init.attributes ? { ...outer?.attributes, ...init.attributes } : (outer?.attributes ?? {}),
  };
}

function activeSpanTraceId(): string | undefined {
  return validTraceId(trace.getActiveSpan()?.spanContext().traceId);
}

/** 32 hex digits: the active OpenTelemetry span's trace id, else the context's own. */
export function currentTraceId(): string | undefined {
  return activeSpanTraceId() ?? contextStore.getStore()?.traceId;
}

/** Milliseconds until the deadline of `context`: negative when it has passed, Infinity without one. */
export function remainingIn(context: ContextData | undefined): number {
  const at = context?.deadlineMonotonic;
  return at === undefined ? Infinity : at - performance.now();
}
