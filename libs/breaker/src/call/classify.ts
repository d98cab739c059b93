import { httpStatusOf, isInfraError } from '@infra-kit/kernel';
import type { BreakerPolicy } from '../breaker.policy.js';

/** What an error is to a breaker: `tolerated` counts as success, `ignored` not at all. */
export type Verdict = 'failure' | 'tolerated' | 'ignored';
/** What a value that came back is to the breaker, where a call can fail without throwing. */
export type Judge<T> = (value: T) => Verdict | 'success';

/** INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNAUTHENTICATED. */
const GRPC_CLIENT_ERRORS: ReadonlySet<unknown> = new Set([3, 5, 6, 7, 8, 9, 10, 11, 16]);
const GRPC_CANCELLED = 1;

/**
 * The policy's own word first. Else client errors are tolerated (HTTP 4xx in `status`, `statusCode` or
 * `response.status`; an InfraError whose code stands for one; gRPC's), cancellations ignored, all the rest failures.
 */
export function classify(error: unknown, { isIgnored, isFailure }: BreakerPolicy): Verdict {
  if (isIgnored?.(error) === true) return 'ignored';
  if (isFailure) return isFailure(error) ? 'failure' : 'tolerated';
  return classifyByDefault(error);
}

export function classifyByDefault(error: unknown): Verdict {
  try {
    return byWhatItSays(error);
  } catch {
    return 'failure'; // a getter that throws says nothing, and must not keep the call from being settled
  }
}

function byWhatItSays(error: unknown): Verdict {
  if (typeof error !== 'object' || error === null) return 'failure';
  if (isInfraError(error)) {
    if (error.code === 'CANCELLED') return 'ignored';
    return ofStatus(httpStatusOf(error));
  }
  if (member(error, 'name') === 'AbortError') return 'ignored';
  if (isGrpcStatus(error)) return ofGrpcCode(error.code);
  return ofStatus(
    [member(error, 'status'), member(error, 'statusCode'), member(member(error, 'response'), 'status')].find(
      (status) => typeof status === 'number',
    ),
  );
}

function ofStatus(status: number | undefined): Verdict {
  return status !== undefined && status >= 400 && status < 500 ? 'tolerated' : 'failure';
}

function ofGrpcCode(code: number): Verdict {
  if (code === GRPC_CANCELLED) return 'ignored';
  return GRPC_CLIENT_ERRORS.has(code) ? 'tolerated' : 'failure';
}

function member(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? (Reflect.get(object, name) as unknown) : undefined;
}

/** A status of @grpc/grpc-js, and the error it makes of one. */
function isGrpcStatus(error: object): error is { readonly code: number } {
  return typeof member(error, 'code') === 'number' && 'details' in error && 'metadata' in error;
}
