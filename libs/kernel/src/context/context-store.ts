import { AsyncLocalStorage } from 'node:async_hooks';
import { trace } from '@opentelemetry/api';
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
  readonly parent?: TraceParent;
  /** Epoch milliseconds; for display and for headers. */
  readonly deadline?: number;
  /** The same deadline on `performance.now()`, which no step of the wall clock moves. */
  readonly deadlineMonotonic?: number;
  readonly signal?: AbortSignal;
  readonly attributes: Readonly<Record<string, string>>;
}

export const contextStore = new AsyncLocalStorage<ContextData>();

function nearer(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function bothSignals(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  return AbortSignal.any([a, b]);
}

function remainingOf(init: ContextInit): number | undefined {
  const absolute = init.deadline === undefined ? undefined : Number(init.deadline) - Date.now();
  return nearer(absolute, init.timeoutMs);
}

/** The context that `init` gives inside `outer`: the nearer deadline, either signal, merged attributes, a trace id in any case. */
export function deriveContext(outer: ContextData | undefined, init: ContextInit): ContextData {
  const given = parseTraceparent(init.traceparent);
  const ownId = given?.traceId ?? validTraceId(init.traceId);
  const parent = given ?? (ownId === undefined || ownId === outer?.traceId ? outer?.parent : undefined);
  const remaining = remainingOf(init);
  const monotonic = nearer(
    outer?.deadlineMonotonic,
    remaining === undefined ? undefined : performance.now() + remaining,
  );
  const signal = bothSignals(outer?.signal, init.signal);
  return {
    traceId: ownId ?? outer?.traceId ?? activeSpanTraceId() ?? newTraceId(),
    ...(parent && { parent }),
    ...(monotonic !== undefined && {
      deadlineMonotonic: monotonic,
      deadline: Date.now() + (monotonic - performance.now()),
    }),
    ...(signal && { signal }),
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

/** Milliseconds until the context's deadline: negative when it has passed, Infinity without one. */
export function remainingMs(): number {
  const at = contextStore.getStore()?.deadlineMonotonic;
  return at === undefined ? Infinity : at - performance.now();
}
