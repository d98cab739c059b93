import type { InfraError, InfraErrorCode } from './infra-error.js';

const STATUS: Readonly<Record<InfraErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  DATA_LOSS: 500,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** Numbers of https://grpc.io/docs/guides/status-codes/. */
const GRPC: Readonly<Record<InfraErrorCode, number>> = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
};

/** The HTTP status of an error: its own `httpStatus`, else the one of its code. */
export function httpStatusOf(error: InfraError): number {
  return error.httpStatus ?? STATUS[error.code];
}

export function grpcStatusOf(code: InfraErrorCode): number {
  return GRPC[code];
}

/** The code that says most about a foreign HTTP status; undefined where none fits. */
export function codeOfHttpStatus(status: number): InfraErrorCode | undefined {
  if (status === 409) return 'ALREADY_EXISTS';
  if (status === 401) return 'PERMISSION_DENIED';
  if (status === 413 || status === 415 || status === 422) return 'INVALID_ARGUMENT';
  if (status === 500) return 'INTERNAL';
  const found = Object.entries(STATUS).find(([, value]) => value === status);
  return found?.[0] as InfraErrorCode | undefined;
}
