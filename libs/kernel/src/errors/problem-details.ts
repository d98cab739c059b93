import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { currentTraceId } from '../context/context-store.js';
import { codeOfHttpStatus, httpStatusOf } from './http-status.js';
import { InfraError, isInfraError, type InfraErrorCode } from './infra-error.js';
import { databaseCodeOf } from './sql-state.js';

/** A body of `application/problem+json`, RFC 9457. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly code?: string;
  readonly traceId?: string;
  /** One sentence a bad field. */
  readonly errors?: readonly string[];
}

export interface Problem {
  readonly body: ProblemDetails;
  /** For protocols without a status: the error's own code, or the one its status stands for. */
  readonly code: InfraErrorCode;
  readonly retryAfterMs?: number;
  /** Whole seconds for the Retry-After header, at least one. */
  readonly retryAfterSeconds?: number;
  /** True when the client is told no details: they belong into the log. */
  readonly unexpected: boolean;
}

/** What the client is told about an error. A 5xx of unknown origin gets a title and no message. */
export function problemOf(error: unknown): Problem {
  if (isInfraError(error)) return ofInfraError(error);
  if (error instanceof HttpException) return ofHttpException(error);
  return databaseCodeOf(error) === undefined ? ofForeign(error) : ofInfraError(InfraError.from(error));
}

function about(status: number, parts: object): ProblemDetails {
  const traceId = currentTraceId();
  const title = STATUS_CODES[status] ?? (status === 499 ? 'Client Closed Request' : 'Error');
  return { type: 'about:blank', title, ...parts, status, ...(traceId !== undefined && { traceId }) };
}

function ofInfraError(error: InfraError): Problem {
  const { code, message, retryAfterMs } = error;
  const problems: unknown = Reflect.get(error, 'problems');
  const status = validStatus(httpStatusOf(error));
  // what failed underneath (an address, a key, a driver's words) is for the log, not for the client
  const inner = status >= 500 && error.cause !== undefined;
  const body = about(status, {
    type: `urn:infra-kit:error:${code}`,
    ...(!inner && { detail: message }),
    code,
    ...(Array.isArray(problems) && { errors: problems.map(String) }),
  });
  const wait = retryAfterMs !== undefined &&
    Number.isFinite(retryAfterMs) && {
      retryAfterMs,
      retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)),
    };
  return { body, code, ...wait, unexpected: inner || code === 'INTERNAL' };
}

/** The response object of an exception is meant for the client: what it says beside Nest's own members stays. */
function ofHttpException(error: HttpException): Problem {
  const response = error.getResponse();
  const given = typeof response === 'object' ? response : { message: response };
  const { message, statusCode: _, error: __, status: ___, ...extension } = given as Record<string, unknown>;
  const said = Array.isArray(message)
    ? { detail: 'Validation failed', errors: message.map(String) }
    : { detail: typeof message === 'string' ? message : error.message };
  return ofStatus(validStatus(error.getStatus()), { ...said, ...extension }, false);
}

/** Body parsers, http-errors and Fastify throw errors that carry their status; Nest knows them, and their message. */
function ofForeign(error: unknown): Problem {
  const nest = BaseExceptionFilter.prototype;
  if (!nest.isHttpError(error)) return ofStatus(500, {}, true);
  const { statusCode } = error;
  const known = statusCode < 500;
  return ofStatus(statusCode, known ? { detail: nest.getHttpErrorMessage(error) } : {}, !known);
}

const validStatus = (status: number): number =>
  Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;

function ofStatus(status: number, said: object, unexpected: boolean): Problem {
  const code = codeOfHttpStatus(status);
  return { body: about(status, { ...(code && { code }), ...said }), code: code ?? 'INTERNAL', unexpected };
}
