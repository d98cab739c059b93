import { context, propagation, SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import { InfraContext, lazyHistogram, redactUrl } from '@infra-kit/kernel';
import { errorTypeOf, exceptionOf } from '../failure.js';
import { HTTP_BUCKETS } from '../metrics.config.js';
import { METRICS_METRICS, METRICS_SCOPE } from '../metrics.telemetry.js';
import { callerContext } from '../span-parent.js';

const duration = lazyHistogram(METRICS_SCOPE, METRICS_METRICS.httpClientDuration, {
  unit: 's',
  description: 'Time until the answer to a request begins',
  advice: { explicitBucketBoundaries: [...HTTP_BUCKETS] },
});

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

function targetOf({ protocol, hostname, port }: URL, method: string): Attributes {
  return {
    'http.request.method': method,
    'server.address': hostname,
    'server.port': port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port),
  };
}

/** The caller's own signal, the context's, and the context's deadline. */
function signalOf(own: AbortSignal | null | undefined): AbortSignal | undefined {
  const remaining = InfraContext.remainingMs();
  const signals = [
    own,
    InfraContext.current()?.signal,
    remaining < LONGEST_TIMER_MS ? AbortSignal.timeout(Math.max(0, Math.ceil(remaining))) : undefined,
  ].filter((signal) => signal !== undefined && signal !== null);
  return signals.length < 2 ? signals[0] : AbortSignal.any(signals);
}

/** Trace and deadline of the current context, beside the headers of the request. */
function withContext(given: Headers): Headers {
  const headers = new Headers(given);
  const set = (carrier: Headers, key: string, value: string): void => carrier.set(key, value);
  InfraContext.inject(headers, set);
  propagation.inject(context.active(), headers, { set });
  return headers;
}

/** The system's word behind `fetch failed`, where there is one. */
function errorType(error: unknown): string {
  const code: unknown = Reflect.get(Object(Reflect.get(Object(error), 'cause')), 'code');
  return typeof code === 'string' ? code : errorTypeOf(error);
}

/**
 * `fetch` with a client span, a measured duration, and the trace, the deadline and the cancellation of the current context.
 * It takes, returns and throws what `fetch` does. The span shows the URL without user, password and values of its query.
 */
export async function tracedFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const request = new Request(input, init);
  const url = new URL(request.url);
  const target = targetOf(url, request.method);
  const parent = callerContext();
  const span = trace
    .getTracer(METRICS_SCOPE)
    .startSpan(
      request.method,
      { kind: SpanKind.CLIENT, attributes: { ...target, 'url.full': redactUrl(request.url) } },
      parent,
    );
  const startedAt = performance.now();
  const outcome: Attributes = {};
  try {
    const response = await context.with(trace.setSpan(parent, span), () =>
      fetch(request, { headers: withContext(request.headers), signal: signalOf(request.signal) ?? null }),
    );
    outcome['http.response.status_code'] = response.status;
    if (response.status >= 400) outcome['error.type'] = String(response.status);
    return response;
  } catch (error) {
    outcome['error.type'] = errorType(error);
    span.recordException(exceptionOf(error));
    throw error;
  } finally {
    duration.record((performance.now() - startedAt) / 1000, { ...target, ...outcome });
    span.setAttributes(outcome);
    if (outcome['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}
