import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { currentTraceId } from '../context/context-store.js';
import { codeOfHttpStatus, httpStatusOf } from './http-status.js';
import { isInfraError } from './infra-error.js';

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
  /** Whole seconds for the Retry-After header. */
  readonly retryAfterSeconds?: number;
  /** True when nothing is known about the error: it belongs into the log, not onto the wire. */
  readonly unexpected: boolean;
}

const titleOf = (status: number): string =>
  status === 499 ? 'Client Closed Request' : (STATUS_CODES[status] ?? 'Error');

function about(status: number, parts: Partial<ProblemDetails>): ProblemDetails {
  const traceId = currentTraceId();
  return {
    type: 'about:blank',
    title: titleOf(status),
    status,
    ...parts,
    ...(traceId !== undefined && { traceId }),
  };
}

function withCode(status: number): { code?: string } {
  const code = codeOfHttpStatus(status);
  return code === undefined ? {} : { code };
}

function ofHttpException(error: HttpException): ProblemDetails {
  const status = error.getStatus();
  const response = error.getResponse();
  const message: unknown = typeof response === 'object' ? Reflect.get(response, 'message') : response;
  if (Array.isArray(message))
    return about(status, { ...withCode(status), detail: 'Validation failed', errors: message.map(String) });
  return about(status, {
    ...withCode(status),
    detail: typeof message === 'string' ? message : error.message,
  });
}

/** Body parsers and Fastify throw errors that carry their own 4xx status and a message meant for the client. */
function clientStatusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const status: unknown = Reflect.get(error, 'status') ?? Reflect.get(error, 'statusCode');
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

/** What the client is told about an error. An error of unknown origin gets a title and no message. */
export function problemOf(error: unknown): Problem {
  if (isInfraError(error)) {
    const status = httpStatusOf(error);
    const problems: unknown = Reflect.get(error, 'problems');
    const after = error.retryAfterMs;
    return {
      body: {
        ...about(status, { detail: error.message, code: error.code }),
        type: `urn:infra-kit:error:${error.code}`,
        ...(Array.isArray(problems) && { errors: problems.map(String) }),
      },
      ...(after !== undefined &&
        Number.isFinite(after) && { retryAfterSeconds: Math.max(1, Math.ceil(after / 1000)) }),
      unexpected: status >= 500 && error.code === 'INTERNAL',
    };
  }
  if (error instanceof HttpException) return { body: ofHttpException(error), unexpected: false };
  const status = clientStatusOf(error);
  if (status !== undefined && error instanceof Error)
    return { body: about(status, { ...withCode(status), detail: error.message }), unexpected: false };
  return { body: about(500, { code: 'INTERNAL' }), unexpected: true };
}
