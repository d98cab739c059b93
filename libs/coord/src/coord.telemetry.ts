import { SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { lazyCounter, lazyHistogram, type InfraErrorCode } from '@infra-kit/kernel';

/** Scope of the instruments and of the tracer. */
export const COORD_SCOPE = '@infra-kit/coord';

/** Names of the metrics. Labels are bounded: never a key, a service or an id. */
export const COORD_METRICS = {
  /** Histogram, seconds. Calls to the store, by `operation` and `outcome` (ok, or the error's code). */
  duration: 'infra.coord.operation.duration',
  /** Counter. Changes of the store's state as seen from here, by `state`: up, down. */
  stateChanges: 'infra.coord.state.changes',
  /** Counter. Leases lost before they were given back, by `kind`: lock, leader, instance-id, registration. */
  leasesLost: 'infra.coord.leases.lost',
} as const;

/** Names of the labels; `coord` is the instance's name. */
export const COORD_LABELS = {
  coord: 'coord',
  operation: 'operation',
  outcome: 'outcome',
  state: 'state',
  kind: 'kind',
} as const;

export const durationHistogram = lazyHistogram(COORD_SCOPE, COORD_METRICS.duration, {
  unit: 's',
  description: 'Time of a call to the coordination store',
  advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] },
});
export const stateCounter = lazyCounter(COORD_SCOPE, COORD_METRICS.stateChanges, {
  unit: '{change}',
  description: "Changes of the store's state",
});
export const lostCounter = lazyCounter(COORD_SCOPE, COORD_METRICS.leasesLost, {
  unit: '{lease}',
  description: 'Leases lost before they were given back',
});

/**
 * The span `coord.<operation>` of a call to the store. Only inside one that is recorded: a call to the store is a step of a
 * request, never a trace of its own.
 */
export function startCallSpan(system: string, operation: string, coord: string): Span | undefined {
  if (trace.getActiveSpan()?.isRecording() !== true) return undefined;
  const attributes = { 'db.system.name': system, 'db.operation.name': operation, 'infra.instance': coord };
  return trace.getTracer(COORD_SCOPE).startSpan(`coord.${operation}`, { kind: SpanKind.CLIENT, attributes });
}

export function endCallSpan(span: Span | undefined, outcome: InfraErrorCode | 'ok'): void {
  if (outcome !== 'ok') {
    span?.setAttribute('error.type', outcome);
    span?.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
  }
  span?.end();
}
