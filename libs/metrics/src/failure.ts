import { types } from 'node:util';
import { SpanStatusCode, type Exception, type Span } from '@opentelemetry/api';
import { isInfraError } from '@infra-kit/kernel';

/** What a span is told of an error, whatever was thrown. */
export const exceptionOf = (error: unknown): Exception =>
  types.isNativeError(error) ? error : String(error);

/** A bounded word for an error: its code, else its class. */
export function errorTypeOf(error: unknown): string {
  if (isInfraError(error)) return error.code;
  return types.isNativeError(error) ? error.name : 'error';
}

/** Marks a span as failed, with the error behind it. */
export function recordFailure(span: Span, error: unknown): void {
  span.recordException(exceptionOf(error));
  span.setAttribute('error.type', errorTypeOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
}
