import { SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import { lazyCounter, lazyHistogram } from '@infra-kit/kernel';

/** Scope of the instruments and of the tracer. */
export const DB_SCOPE = '@infra-kit/db';

/**
 * Seconds a statement took, as OpenTelemetry's conventions for database clients name it.
 * Labels: db.system.name, db.operation.name (SELECT | INSERT | UPDATE | DELETE | OTHER), infra.instance, error.type.
 */
export const DB_OPERATION_DURATION = 'db.client.operation.duration';

/** Transactions that ended. Labels: infra.instance, outcome: committed | rolled_back | unknown. */
export const DB_TRANSACTIONS = 'infra.db.transactions';

/** Transactions run again after a serialization failure or deadlock. Labels: infra.instance. */
export const DB_RETRIES = 'infra.db.transaction.retries';

/** Connections, as the conventions name them. Labels: db.client.connection.pool.name, db.client.connection.state: idle | used. */
export const DB_CONNECTIONS = 'db.client.connection.count';

/** Requests waiting for a connection. Labels: db.client.connection.pool.name. */
export const DB_PENDING = 'db.client.connection.pending_requests';

/** The most connections there may be. Labels: db.client.connection.pool.name. */
export const DB_CONNECTIONS_MAX = 'db.client.connection.max';

export const operationDuration = lazyHistogram(DB_SCOPE, DB_OPERATION_DURATION, {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
});
export const transactionsCounter = lazyCounter(DB_SCOPE, DB_TRANSACTIONS, { unit: '{transaction}' });
export const retriesCounter = lazyCounter(DB_SCOPE, DB_RETRIES, { unit: '{retry}' });

const OPERATIONS: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE']);

/** The kind of a statement, bounded: what it begins with. */
export function operationOf(sql: string): string {
  const word = /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? '';
  return OPERATIONS.has(word) ? word : 'OTHER';
}

/**
 * The span of a statement that has ended just now, named after its kind. Only inside one that is recorded: a statement is a
 * step of a request, never a trace of its own. Its text is not shown, since values may stand in it.
 */
export function recordStatementSpan(attributes: Attributes, tookMs: number): void {
  if (trace.getActiveSpan()?.isRecording() !== true) return;
  const now = Date.now();
  const span = trace.getTracer(DB_SCOPE).startSpan(String(attributes['db.operation.name']), {
    kind: SpanKind.CLIENT,
    startTime: now - tookMs,
    attributes,
  });
  if (attributes['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(now);
}
