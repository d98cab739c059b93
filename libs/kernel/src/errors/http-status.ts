import type { InfraError, InfraErrorCode } from './infra-error.js';

/** Of several codes with one status, the first stands for it. gRPC: https://grpc.io/docs/guides/status-codes/. */
const STATUS: Readonly<Record<InfraErrorCode, { readonly http: number; readonly grpc: number }>> = {
  INVALID_ARGUMENT: { http: 400, grpc: 3 },
  PERMISSION_DENIED: { http: 403, grpc: 7 },
  NOT_FOUND: { http: 404, grpc: 5 },
  ALREADY_EXISTS: { http: 409, grpc: 6 },
  FAILED_PRECONDITION: { http: 409, grpc: 9 },
  ABORTED: { http: 409, grpc: 10 },
  RESOURCE_EXHAUSTED: { http: 429, grpc: 8 },
  CANCELLED: { http: 499, grpc: 1 },
  INTERNAL: { http: 500, grpc: 13 },
  DATA_LOSS: { http: 500, grpc: 15 },
  UNIMPLEMENTED: { http: 501, grpc: 12 },
  UNAVAILABLE: { http: 503, grpc: 14 },
  DEADLINE_EXCEEDED: { http: 504, grpc: 4 },
};

/** Statuses that none of our codes has. */
const FOREIGN: Readonly<Record<number, InfraErrorCode>> = {
  401: 'PERMISSION_DENIED',
  412: 'FAILED_PRECONDITION',
  413: 'INVALID_ARGUMENT',
  415: 'INVALID_ARGUMENT',
  422: 'INVALID_ARGUMENT',
};

/** A code that this version does not know counts as INTERNAL. */
function statusOf(code: InfraErrorCode): { readonly http: number; readonly grpc: number } {
  return Object.hasOwn(STATUS, code) ? STATUS[code] : STATUS.INTERNAL;
}

/** The HTTP status of an error: its own `httpStatus`, else the one of its code. */
export function httpStatusOf(error: InfraError): number {
  return error.httpStatus ?? statusOf(error.code).http;
}

export function grpcStatusOf(code: InfraErrorCode): number {
  return statusOf(code).grpc;
}

/** The code that says most about a foreign HTTP status; undefined where none fits. */
export function codeOfHttpStatus(status: number): InfraErrorCode | undefined {
  const codes = Object.keys(STATUS) as InfraErrorCode[];
  return codes.find((code) => STATUS[code].http === status) ?? FOREIGN[status];
}
