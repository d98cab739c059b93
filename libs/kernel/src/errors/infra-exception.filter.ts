import { ServerResponse } from 'node:http';
import {
  Catch,
  HttpException,
  Inject,
  Optional,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { trace } from '@opentelemetry/api';
import { throwError, type Observable } from 'rxjs';
import type { Logger } from '../ports/logger.js';
import { NestLogger } from '../ports/nest-logger.js';
import { contextStore } from '../context/context-store.js';
import { grpcCallOf, grpcErrorOf } from './grpc-error.js';
import { isInfraError } from './infra-error.js';
import { problemOf, type Problem, type ProblemDetails } from './problem-details.js';

/** Data, metadata, call: of no other transport. */
const GRPC_HANDLER_ARGUMENTS = 3;

/** Whose errors become problem+json: everybody's, the suite's alone (the rest goes Nest's way), or nobody's. */
export type ProblemJsonScope = 'all' | 'infra' | false;

export interface InfraExceptionFilterDeps {
  readonly host?: HttpAdapterHost | undefined;
  /** Told of errors of unknown origin; default Nest's own. */
  readonly logger?: Logger | undefined;
  readonly problemJson?: ProblemJsonScope | undefined;
}

/**
 * Maps errors to `application/problem+json` over HTTP, to an error observable over RPC, to an `exception` event on a
 * WebSocket, and to `extensions.code` in GraphQL. Install it so that it is asked last: filters of the application win.
 */
@Catch()
export class InfraExceptionFilter implements ExceptionFilter {
  /** Filled by Nest where Nest makes the filter (`APP_FILTER`, `@UseFilters`). */
  @Optional()
  @Inject(HttpAdapterHost)
  protected readonly adapterHost: HttpAdapterHost | undefined;

  readonly #logger: Logger;
  readonly #scope: ProblemJsonScope;

  constructor(@Optional() deps: InfraExceptionFilterDeps = {}) {
    this.adapterHost = deps.host;
    this.#logger = deps.logger ?? new NestLogger('http');
    this.#scope = deps.problemJson ?? 'all';
  }

  catch(error: unknown, host: ArgumentsHost): Observable<never> | void {
    const kind: string = host.getType();
    if (kind === 'rpc') return this.#rpc(error, host);
    if (kind === 'ws') return this.#webSocket(error, host);
    if (kind === 'graphql') throw this.#graphql(error);
    return this.#http(error, host);
  }

  #http(error: unknown, host: ArgumentsHost): void {
    const adapter = this.adapterHost?.httpAdapter;
    if (adapter && this.#scope !== 'all' && !isInfraError(error))
      return new BaseExceptionFilter(adapter).catch(error, host);
    const { body, retryAfterSeconds } = this.#problem(error);
    if (adapter && this.#scope === false) return new BaseExceptionFilter(adapter).catch(nestsOwn(body), host);
    const headers: readonly [string, string][] = [
      ['Content-Type', 'application/problem+json'],
      ...(retryAfterSeconds === undefined
        ? []
        : [['Retry-After', `${retryAfterSeconds}`] as [string, string]]),
    ];
    const response: unknown = host.switchToHttp().getResponse();
    if (adapter === undefined) return writeNatively(response, body.status, headers, textOf(body));
    if (adapter.isHeadersSent?.(response)) return void adapter.end?.(response);
    for (const [name, value] of headers) adapter.setHeader?.(response, name, value);
    adapter.reply(response, textOf(body), body.status);
  }

  #rpc(error: unknown, host: ArgumentsHost): Observable<never> {
    if (hasOwnAnswer(error)) return throwError(() => answerOf(error));
    const { body, code, retryAfterMs } = this.#problem(error);
    const message = body.detail ?? body.title;
    const { traceId, errors } = body;
    const args = host.getArgs<unknown[]>();
    const call = grpcCallOf(args);
    if (call !== undefined || args.length === GRPC_HANDLER_ARGUMENTS)
      return throwError(() => grpcErrorOf({ code, details: message, retryAfterMs, traceId }, call));
    return throwError(() => ({
      status: 'error',
      code: body.code ?? code,
      message,
      traceId,
      errors,
      retryAfterMs,
    }));
  }

  #webSocket(error: unknown, host: ArgumentsHost): void {
    const client: unknown = host.switchToWs().getClient();
    if (hasOwnAnswer(error)) return emitException(client, answerOf(error));
    const { body, retryAfterMs } = this.#problem(error);
    emitException(client, { ...body, retryAfterMs });
  }

  #graphql(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const { body, code } = this.#problem(error);
    const given: unknown = Reflect.get(error, 'extensions');
    const extensions = {
      code: body.code ?? code,
      traceId: body.traceId,
      ...(typeof given === 'object' ? given : {}),
    };
    return Object.assign(error, { extensions });
  }

  #problem(error: unknown): Problem {
    const problem = problemOf(error);
    if (problem.body.status >= 500 && error instanceof Error) trace.getActiveSpan()?.recordException(error);
    if (problem.unexpected && !callerIsGone()) this.#logger.error('unhandled error', { err: error });
    return problem;
  }
}

/** A request that the client gave up is nobody's error. */
function callerIsGone(): boolean {
  return contextStore.getStore()?.signal?.aborted ?? false;
}

/** The same answer in the form that Nest gives its own exceptions. */
function nestsOwn({ status, title, detail, code }: ProblemDetails): HttpException {
  return new HttpException({ statusCode: status, message: detail ?? title, error: code }, status);
}

/** RpcException and WsException of Nest, known by their method: their packages are not dependencies. */
function hasOwnAnswer(error: unknown): error is { getError(): unknown } {
  return error instanceof Error && typeof Reflect.get(error, 'getError') === 'function';
}

/** What Nest's own filters make of it. */
function answerOf(error: { getError(): unknown }): unknown {
  const answer = error.getError();
  return typeof answer === 'object' ? answer : { status: 'error', message: answer };
}

/** Extension members may hold what JSON has no word for. */
function textOf(body: object): string {
  return JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
}

/**
 * Without an adapter (`useGlobalFilters(new InfraExceptionFilter())`) Node's own response is there in any case.
 * Headers that were set on Fastify's reply go out too; its onSend hooks are passed over.
 */
function writeNatively(
  response: unknown,
  status: number,
  headers: readonly [string, string][],
  text: string,
): void {
  const native: unknown =
    response instanceof ServerResponse ? response : Reflect.get(Object(response), 'raw');
  if (!(native instanceof ServerResponse)) return;
  if (native.headersSent) return void native.end();
  const getHeaders: unknown = Reflect.get(Object(response), 'getHeaders');
  const set: unknown = typeof getHeaders === 'function' ? Reflect.apply(getHeaders, response, []) : {};
  native.writeHead(status, Object.assign({}, set, Object.fromEntries(headers))).end(text);
}

/** socket.io has events on the wire; a plain WebSocket gets them as a message, as Nest's own filter writes them. */
function emitException(client: unknown, data: unknown): void {
  if (typeof client !== 'object' || client === null) return;
  const plain = typeof Reflect.get(client, 'readyState') === 'number';
  const method: unknown = Reflect.get(client, plain ? 'send' : 'emit');
  if (typeof method !== 'function') return;
  const args = plain ? [textOf({ event: 'exception', data })] : ['exception', data];
  Reflect.apply(method, client, args);
}
