import type { IncomingMessage, ServerResponse } from 'node:http';
import { types } from 'node:util';
import { trace } from '@opentelemetry/api';
import {
  InfraContext,
  pathOf,
  routeOf,
  SERVER_SPAN,
  TRACE_ID_HEADER,
  validTraceId,
  type LogMethod,
} from '@infra-kit/kernel';
import type { HttpLogConfig } from '../clog.config.js';
import { READY_LINE } from '../line/ready-line.js';

/** What is known of a request while it is under way. */
export interface RequestNotes {
  readonly startedAt: number;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  /** Bytes of the body that were handed to the response. */
  readonly sent: () => number;
  /** Whether the service itself broke the response off. */
  readonly isCutOff: () => boolean;
  /** The framework's request, which knows the route. */
  readonly framework: unknown;
}

const CLIENT_GONE = 499;

/** Counts what a handler writes: also right for streams, which say no length. */
export function countBody(response: ServerResponse): () => number {
  let bytes = 0;
  const count = (chunk: unknown, encoding: unknown): void => {
    if (typeof chunk === 'string')
      bytes += Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
    else if (types.isUint8Array(chunk)) bytes += chunk.byteLength;
  };
  for (const method of ['write', 'end'] as const) {
    const original: unknown = response[method];
    if (typeof original !== 'function') continue;
    Reflect.set(response, method, function counted(this: ServerResponse, ...args: unknown[]): unknown {
      count(args[0], args[1]);
      return Reflect.apply(original, this, args);
    });
  }
  return () => bytes;
}

/** Notices `response.destroy()`, which a client that goes away does not call. */
function watchCutOff(response: ServerResponse): () => boolean {
  const destroy: unknown = Reflect.get(response, 'destroy');
  let cutOff = false;
  if (typeof destroy === 'function')
    Reflect.set(response, 'destroy', function watched(this: ServerResponse, ...args: unknown[]): unknown {
      cutOff ||= !this.writableFinished && !this.closed;
      return Reflect.apply(destroy, this, args);
    });
  return () => cutOff;
}

export function noteRequest(startedAt: number, framework: unknown, response: ServerResponse): RequestNotes {
  const spanId = trace.getActiveSpan()?.spanContext().spanId ?? InfraContext.current()?.parent?.spanId;
  const traceId = InfraContext.traceId();
  const [sent, isCutOff] = [countBody(response), watchCutOff(response)];
  return { startedAt, framework, spanId, traceId, sent, isCutOff };
}

const isGone = (response: ServerResponse): boolean => !response.writableFinished;

/** Failures and what the service broke off at `error`, slow requests and those whose client went away at `warn`. */
export function accessLevel(
  response: ServerResponse,
  { tookMs, slowMs, cutOff }: { tookMs: number; slowMs: number; cutOff: boolean },
): LogMethod {
  if (response.statusCode >= 500 || cutOff) return 'error';
  if (isGone(response) || (slowMs > 0 && tookMs > slowMs)) return 'warn';
  return 'info';
}

function hasBody(request: IncomingMessage, response: ServerResponse): boolean {
  return request.method !== 'HEAD' && response.statusCode !== 204 && response.statusCode !== 304;
}

/** The span of the telemetry that runs inside of us. */
function serverSpanOf(request: IncomingMessage): string | undefined {
  const span: unknown = Reflect.get(request, SERVER_SPAN);
  return typeof span === 'string' ? span : undefined;
}

/** The fields of a request's line. */
export function accessFields(
  request: IncomingMessage,
  response: ServerResponse,
  { notes, tookMs, http }: { notes: RequestNotes; tookMs: number; http: HttpLogConfig },
): Record<string | symbol, unknown> {
  const route = routeOf(notes.framework);
  const gone = isGone(response);
  const out: unknown = response.getHeader(TRACE_ID_HEADER);
  return {
    [READY_LINE]: true,
    namespace: 'http',
    trace_id: validTraceId(out) ?? notes.traceId,
    span_id: serverSpanOf(request) ?? notes.spanId,
    'http.method': request.method,
    ...(route === undefined ? { 'http.path': pathOf(request) } : { 'http.route': route }),
    'http.status': gone && !notes.isCutOff() ? CLIENT_GONE : response.statusCode,
    duration_ms: Math.round(tookMs * 1000) / 1000,
    bytes: hasBody(request, response) ? notes.sent() : 0,
    ...(gone && { aborted: true }),
    ...(http.slowMs > 0 && tookMs > http.slowMs && { slow: true }),
  };
}
