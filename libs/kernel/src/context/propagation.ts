import { trace } from '@opentelemetry/api';
import { contextStore, currentTraceId, remainingIn, type ContextInit } from './context-store.js';
import {
  formatTraceparent,
  newSpanId,
  parseTraceparent,
  validTraceId,
  type TraceParent,
} from './trace-ids.js';

export const TRACEPARENT_HEADER = 'traceparent';
export const TRACE_ID_HEADER = 'x-trace-id';
/** Milliseconds the caller still waits; relative, so that clocks need not agree. */
export const DEADLINE_HEADER = 'x-deadline-ms';

const MAX_DEADLINE_MS = 86_400_000;

export type CarrierSetter<C> = (carrier: C, key: string, value: string) => void;
export type CarrierGetter<C> = (carrier: C, key: string) => unknown;

const defaultSetter = (carrier: object, key: string, value: string): void => {
  Reflect.set(carrier, key, value);
};

const defaultGetter = (carrier: object, key: string): unknown => {
  const direct: unknown = Reflect.get(carrier, key);
  if (direct !== undefined) return direct;
  const other = Object.keys(carrier).find((name) => name.toLowerCase() === key);
  return other === undefined ? undefined : Reflect.get(carrier, other);
};

function textOf(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (typeof first === 'string') return first;
  return first instanceof Uint8Array ? Buffer.from(first).toString('utf8') : undefined;
}

/** The active span, else the caller's, passed through as the specification wants it, else one made up and not sampled. */
function spanOf(traceId: string, parent: TraceParent | undefined): TraceParent {
  const active = trace.getActiveSpan()?.spanContext();
  if (active?.traceId === traceId) return { traceId, spanId: active.spanId, flags: active.traceFlags };
  return parent?.traceId === traceId ? parent : { traceId, spanId: newSpanId(), flags: 0 };
}

/** Writes `traceparent`, `x-trace-id` and `x-deadline-ms` of the current context into headers, metadata or the like. */
export function injectContext<C extends object>(carrier: C, setter: CarrierSetter<C> = defaultSetter): C {
  const traceId = currentTraceId();
  const context = contextStore.getStore();
  if (traceId !== undefined) {
    setter(carrier, TRACEPARENT_HEADER, formatTraceparent(spanOf(traceId, context?.parent)));
    setter(carrier, TRACE_ID_HEADER, traceId);
  }
  const remaining = remainingIn(context);
  if (remaining !== Infinity) setter(carrier, DEADLINE_HEADER, String(Math.max(0, Math.floor(remaining))));
  return carrier;
}

function deadlineOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  const ms = Number(text);
  return ms <= MAX_DEADLINE_MS ? ms : undefined;
}

/** Reads what `injectContext` wrote; what is malformed is left out. The result goes to `InfraContext.run`. */
export function extractContext<C extends object>(
  carrier: C,
  getter: CarrierGetter<C> = defaultGetter,
): ContextInit {
  const traceparent = textOf(getter(carrier, TRACEPARENT_HEADER));
  const parent = parseTraceparent(traceparent);
  const traceId = parent?.traceId ?? validTraceId(textOf(getter(carrier, TRACE_ID_HEADER)));
  const timeoutMs = deadlineOf(textOf(getter(carrier, DEADLINE_HEADER)));
  return { traceparent: parent && traceparent, traceId, timeoutMs };
}
