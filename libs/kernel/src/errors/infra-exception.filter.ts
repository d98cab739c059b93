import {
  Catch,
  HttpException,
  type ArgumentsHost,
  type ExceptionFilter,
  type HttpServer,
} from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { throwError, type Observable } from 'rxjs';
import type { Logger } from '../ports/logger.js';
import { grpcStatusOf } from './http-status.js';
import { InfraError, isInfraError } from './infra-error.js';
import { problemOf, type Problem } from './problem-details.js';

/** Whose errors become problem+json: everybody's, or the suite's alone (the rest goes Nest's way). */
export type ProblemJsonScope = 'all' | 'infra';

const GRPC_HANDLER_ARGUMENTS = 3;

/**
 * Maps errors to `application/problem+json` over HTTP, to an error observable over RPC, to an `exception` event on a
 * WebSocket, and to `extensions.code` in GraphQL. Install it so that it is asked last: filters of the application win.
 */
@Catch()
export class InfraExceptionFilter implements ExceptionFilter {
  readonly #host: HttpAdapterHost | undefined;
  readonly #logger: Logger | undefined;
  readonly #scope: ProblemJsonScope;

  constructor(
    deps: {
      readonly host?: HttpAdapterHost;
      readonly logger?: Logger;
      readonly problemJson?: ProblemJsonScope;
    } = {},
  ) {
    this.#host = deps.host;
    this.#logger = deps.logger;
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
    const adapter: HttpServer | undefined = this.#host?.httpAdapter;
    if (this.#scope === 'infra' && !isInfraError(error))
      return new BaseExceptionFilter(adapter).catch(error, host);
    if (adapter === undefined) throw error;
    const response: unknown = host.switchToHttp().getResponse();
    const problem = this.#problem(error);
    if (adapter.isHeadersSent?.(response)) return void adapter.end?.(response);
    if (problem.retryAfterSeconds !== undefined)
      adapter.setHeader?.(response, 'Retry-After', String(problem.retryAfterSeconds));
    adapter.setHeader?.(response, 'Content-Type', 'application/problem+json');
    adapter.reply(response, JSON.stringify(problem.body), problem.body.status);
  }

  #rpc(error: unknown, host: ArgumentsHost): Observable<never> {
    if (hasOwnAnswer(error)) return throwError(() => error.getError());
    const { body } = this.#problem(error);
    const code = isInfraError(error) ? error.code : (body.code ?? 'INTERNAL');
    const message = body.detail ?? body.title;
    if (host.getArgs().length === GRPC_HANDLER_ARGUMENTS)
      return throwError(() => ({
        code: grpcStatusOf(code as InfraError['code']),
        details: message,
        message,
      }));
    return throwError(() => ({ status: 'error', code, message, traceId: body.traceId }));
  }

  #webSocket(error: unknown, host: ArgumentsHost): void {
    const client: unknown = host.switchToWs().getClient();
    const data = hasOwnAnswer(error)
      ? error.getError()
      : { ...this.#problem(error).body, ...retryAfterOf(error) };
    emitException(client, data);
  }

  #graphql(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const { body } = this.#problem(error);
    const given: unknown = Reflect.get(error, 'extensions');
    const extensions = {
      code: body.code ?? 'INTERNAL',
      traceId: body.traceId,
      ...(typeof given === 'object' ? given : {}),
    };
    return Object.assign(error, { extensions });
  }

  #problem(error: unknown): Problem {
    const problem = problemOf(error);
    if (problem.unexpected || (error instanceof HttpException && problem.body.status >= 500))
      this.#logger?.error('unhandled error', { err: error });
    return problem;
  }
}

/** RpcException and WsException of Nest, known by their method: their packages are not dependencies. */
function hasOwnAnswer(error: unknown): error is { getError(): unknown } {
  return error instanceof Error && typeof Reflect.get(error, 'getError') === 'function';
}

function retryAfterOf(error: unknown): { retryAfterMs?: number } {
  return isInfraError(error) && error.retryAfterMs !== undefined ? { retryAfterMs: error.retryAfterMs } : {};
}

/** socket.io has events on the wire; a plain WebSocket gets them as a message, as Nest's own adapter writes them. */
function emitException(client: unknown, data: unknown): void {
  if (typeof client !== 'object' || client === null) return;
  const handshake: unknown = Reflect.get(client, 'handshake');
  const method: unknown = Reflect.get(client, handshake === undefined ? 'send' : 'emit');
  if (typeof method !== 'function') return;
  if (handshake === undefined) Reflect.apply(method, client, [JSON.stringify({ event: 'exception', data })]);
  else Reflect.apply(method, client, ['exception', data]);
}
