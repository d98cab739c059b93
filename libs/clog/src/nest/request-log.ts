import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MiddlewareConsumer } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import {
  InfraContext,
  isUnder,
  pathOf,
  rawOf,
  TRACE_ID_HEADER,
  type Clock,
  type RequestHook,
} from '@infra-kit/kernel';
import { LoggerModule } from 'nestjs-pino';
import { pinoHttp, type HttpLogger } from 'pino-http';
import type { Logger as PinoInstance } from 'pino';
import type { HttpLogConfig } from '../clog.config.js';
import type { LogLevel } from '../levels/log-level.js';
import { REQUEST_ID_ATTRIBUTE } from '../line/trace-fields.js';
import { accessFields, accessLevel, noteRequest, type RequestNotes } from './access-line.js';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.js';

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export interface RequestLogOptions {
  readonly pino: PinoInstance;
  /** Makes the fields of a line of a request's logger, which has the request's id bound. */
  readonly lineOf: (fields: object) => Record<string, unknown>;
  readonly clock: Clock;
  readonly nest: ApplicationConfig;
  /** The settings in force, asked at each request. */
  readonly settings: () => HttpLogConfig;
  readonly isEnabled: (level: LogLevel, namespace: string) => boolean;
}

/** nestjs-pino's own middleware, which makes a request's logger the current one: taken from its module as Nest would. */
function contextMiddleware(nest: ApplicationConfig): Middleware {
  const taken: Middleware[] = [];
  const proxy = { exclude: () => proxy, forRoutes: () => consumer };
  const consumer: MiddlewareConsumer = {
    apply: (...middleware: unknown[]) => {
      taken.push(...(middleware as Middleware[]));
      return proxy;
    },
  };
  new LoggerModule({ useExisting: true, assignResponse: true }, nest).configure(consumer);
  return (request, response, next) => {
    const run = (index: number): void => {
      const step = taken[index];
      if (step === undefined) next();
      else step(request, response, () => run(index + 1));
    };
    run(0);
  };
}

/** Puts the request's logger in place and, unless told otherwise, one line at its end. */
export class RequestLog {
  readonly #options: RequestLogOptions;
  readonly #http: HttpLogger;
  readonly #bind: Middleware;
  readonly #notes = new WeakMap<IncomingMessage, RequestNotes>();

  constructor(options: RequestLogOptions) {
    this.#options = options;
    this.#bind = contextMiddleware(options.nest);
    this.#http = this.#pinoHttp();
  }

  /** For the adapter's request slot, on Express and Fastify alike. */
  readonly hook: RequestHook = (request, response, done) => {
    const [incoming, outgoing] = rawOf(request, response);
    const requestId = requestIdOf(incoming);
    incoming.id = requestId;
    outgoing.setHeader(REQUEST_ID_HEADER, requestId);
    const alone = InfraContext.current() === undefined;
    const trace = alone ? InfraContext.extract(incoming.headers) : {};
    InfraContext.run(
      {
        traceId: trace.traceId,
        traceparent: trace.traceparent,
        attributes: { [REQUEST_ID_ATTRIBUTE]: requestId },
      },
      () => {
        const traceId = InfraContext.traceId();
        if (alone && traceId !== undefined) outgoing.setHeader(TRACE_ID_HEADER, traceId);
        this.#notes.set(incoming, noteRequest(this.#options.clock.monotonic(), request, outgoing));
        this.#http(incoming, outgoing, () => this.#bind(incoming, outgoing, () => done()));
      },
    );
  };

  #pinoHttp(): HttpLogger {
    const fields = (request: IncomingMessage, response: ServerResponse): object => {
      const notes = this.#notes.get(request);
      const settled = { tookMs: this.#tookMs(request), http: this.#options.settings() };
      return notes === undefined ? {} : accessFields(request, response, { notes, ...settled });
    };
    return pinoHttp<IncomingMessage, ServerResponse>({
      logger: this.#options.pino,
      formatters: { log: this.#options.lineOf },
      // the line says what it has to say by its fields; nothing is serialised of the request itself
      serializers: { req: () => undefined, res: () => undefined },
      wrapSerializers: false,
      quietReqLogger: true,
      quietResLogger: true,
      customAttributeKeys: { reqId: REQUEST_ID_ATTRIBUTE },
      genReqId: (request) => request.id,
      autoLogging: { ignore: (request) => this.#isQuiet(request) },
      customLogLevel: (request, response) => this.#level(request, response),
      customSuccessMessage: () => 'request',
      customErrorMessage: () => 'request',
      customSuccessObject: fields,
      customErrorObject: fields,
    });
  }

  #tookMs(request: IncomingMessage): number {
    const now = this.#options.clock.monotonic();
    return now - (this.#notes.get(request)?.startedAt ?? now);
  }

  #isQuiet(request: IncomingMessage): boolean {
    const { enabled, ignorePaths } = this.#options.settings();
    if (!enabled) return true;
    return isUnder(pathOf(request), ignorePaths);
  }

  #level(request: IncomingMessage, response: ServerResponse): LogLevel {
    const level = accessLevel(response, {
      tookMs: this.#tookMs(request),
      slowMs: this.#options.settings().slowMs,
      cutOff: this.#notes.get(request)?.isCutOff() ?? false,
    });
    return this.#options.isEnabled(level, 'http') ? level : 'silent';
  }
}
