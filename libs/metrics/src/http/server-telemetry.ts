import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Histogram,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import {
  InfraContext,
  isUnder,
  pathOf,
  rawOf,
  routeOf,
  SERVER_SPAN,
  TRACE_ID_HEADER,
  type RequestHook,
} from '@infra-kit/kernel';
import { servePage } from './page-server.js';

export interface ServerTelemetryOptions {
  /** Undefined: no spans are made. */
  readonly tracer: Tracer | undefined;
  readonly duration: Histogram;
  readonly enabled: boolean;
  readonly ignorePaths: readonly string[];
  /** The Prometheus page on this port. */
  readonly page: { readonly path: string; readonly text: () => Promise<string> } | undefined;
}

/** Others are `_OTHER`, as the conventions want it: anybody can write a method. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
]);
/** As the exception filter answers a client that is gone. */
const CLIENT_GONE = 499;

/** One request under way. */
interface Measured {
  readonly framework: unknown;
  readonly response: ServerResponse;
  readonly method: string;
  readonly scheme: string;
  readonly startedAt: number;
  readonly span: Span | undefined;
}

/**
 * Measures and traces each request from the adapter's request hook: before parsing, middleware, routing and guards, so that
 * what they refuse counts too. Names follow OpenTelemetry's semantic conventions for HTTP; the route's template stands for
 * the URL everywhere.
 */
export class ServerTelemetry {
  readonly #options: ServerTelemetryOptions;

  constructor(options: ServerTelemetryOptions) {
    this.#options = options;
  }

  readonly hook: RequestHook = (request, response, done) => {
    const [incoming, outgoing] = rawOf(request, response);
    const { enabled, ignorePaths, page } = this.#options;
    const path = pathOf(incoming);
    if (page !== undefined && path === page.path && isReading(incoming)) {
      takeOver(response);
      return servePage(outgoing, page.text);
    }
    if (!enabled || isUnder(path, ignorePaths)) return done();
    // who traces needs no context beside the span's, unless a trace id came alone
    const traced = this.#options.tracer !== undefined && incoming.headers[TRACE_ID_HEADER] === undefined;
    if (traced || InfraContext.current() !== undefined)
      return this.#measure(request, incoming, outgoing, done);
    const { traceId, traceparent } = InfraContext.extract(incoming.headers);
    InfraContext.run({ traceId, traceparent }, () => {
      outgoing.setHeader(TRACE_ID_HEADER, InfraContext.traceId() ?? '');
      this.#measure(request, incoming, outgoing, done);
    });
  };

  #measure(framework: unknown, incoming: IncomingMessage, response: ServerResponse, done: () => void): void {
    const method = METHODS.has(incoming.method ?? '') ? (incoming.method ?? '') : '_OTHER';
    const scheme = 'encrypted' in incoming.socket ? 'https' : 'http';
    const { tracer } = this.#options;
    const startedAt = performance.now();
    if (tracer === undefined) {
      response.once('close', () =>
        this.#end({ framework, response, method, scheme, startedAt, span: undefined }),
      );
      return done();
    }
    const parent = propagation.extract(ROOT_CONTEXT, incoming.headers);
    const attributes = { 'http.request.method': method, 'url.scheme': scheme };
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
    const { spanId, traceId } = span.spanContext();
    Reflect.set(incoming, SERVER_SPAN, spanId);
    if (InfraContext.current() === undefined) response.setHeader(TRACE_ID_HEADER, traceId);
    response.once('close', () => this.#end({ framework, response, method, scheme, startedAt, span }));
    context.with(trace.setSpan(parent, span), done);
  }

  #end({ framework, response, method, scheme, startedAt, span }: Measured): void {
    const seconds = (performance.now() - startedAt) / 1000;
    const status = response.writableFinished ? response.statusCode : CLIENT_GONE;
    const attributes: Attributes = {
      'http.request.method': method,
      'url.scheme': scheme,
      'http.response.status_code': status,
    };
    const route = routeOf(framework);
    if (route !== undefined) attributes['http.route'] = route;
    if (status >= 500) attributes['error.type'] = String(status);
    this.#options.duration.record(seconds, attributes);
    if (span === undefined) return;
    if (span.isRecording()) {
      if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute('http.route', route);
      span.setAttribute('http.response.status_code', status);
      if (status >= 500) span.setAttribute('error.type', String(status));
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }
}

const isReading = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD';

/** Fastify must be told that somebody else answers. */
function takeOver(response: unknown): void {
  const hijack: unknown = Reflect.get(Object(response), 'hijack');
  if (typeof hijack === 'function') Reflect.apply(hijack, response, []);
}
