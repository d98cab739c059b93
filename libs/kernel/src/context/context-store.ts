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
  readonly parent?: TraceParent;
  /** Epoch milliseconds; for display and for headers. */
  readonly deadline?: number;
  /** The same deadline on `performance.now()`, which no step of the wall clock moves. */
  readonly deadlineMonotonic?: number;
  readonly signal?: AbortSignal;
  readonly attributes: Readonly<Record<string, string>>;
}

type Limit = Pick<ContextData, 'deadline' | 'deadlineMonotonic'>;

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

/** The nearest of the three; the wall clock is read once, so that the deadline given is the deadline kept. */
function nearestLimit(outer: Limit | undefined, { deadline, timeoutMs }: ContextInit): Limit {
  const [wall, monotonic] = [Date.now(), performance.now()];
  const ends: number[] = [];
  if (deadline !== undefined) ends.push(milliseconds('deadline', deadline));
  if (timeoutMs !== undefined) ends.push(wall + milliseconds('timeoutMs', timeoutMs));
  const own = Math.min(...ends);
  const ownMonotonic = own - wall + monotonic;
  if (ownMonotonic < (outer?.deadlineMonotonic ?? Infinity))
    return { deadline: own, deadlineMonotonic: ownMonotonic };
  return {
    ...(outer?.deadline !== undefined && { deadline: outer.deadline }),
    ...(outer?.deadlineMonotonic !== undefined && { deadlineMonotonic: outer.deadlineMonotonic }),
  };
}

/** The context that `init` gives inside `outer`: the nearer deadline, either signal, merged attributes, a trace id in any case. */
export function deriveContext(outer: ContextData | undefined, init: ContextInit): ContextData {
  const given = parseTraceparent(init.traceparent);
  const traceId =
    given?.traceId ?? validTraceId(init.traceId) ?? activeSpanTraceId() ?? outer?.traceId ?? newTraceId();
  const parent = given ?? (traceId === outer?.traceId ? outer.parent : undefined);
  const signal = bothSignals(outer?.signal, init.signal);
  return {
    traceId,
    ...(parent && { parent }),
    ...nearestLimit(outer, init),
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

/** Milliseconds until the deadline of `context`: negative when it has passed, Infinity without one. */
export function remainingIn(context: ContextData | undefined): number {
  const at = context?.deadlineMonotonic;
  return at === undefined ? Infinity : at - performance.now();
}
