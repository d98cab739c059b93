import { grpcStatusOf, isInfraError, problemOf } from '@infra-kit/kernel';

/** By number, https://grpc.io/docs/guides/status-codes/. */
const NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;
export type RpcStatus = (typeof NAMES)[number];

/** What is the server's fault, by the semantic conventions; to a client everything but OK is an error. */
const FAULTS: ReadonlySet<RpcStatus> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

export function isServerFault(status: RpcStatus): boolean {
  return FAULTS.has(status);
}

export function statusName(code: number): RpcStatus {
  return NAMES[code] ?? 'UNKNOWN';
}

/** The status that a handler's error ends its call with: an RpcException's own code, else as the suite's filter says. */
export function statusOfError(error: unknown): RpcStatus {
  const own = isInfraError(error) ? undefined : codeIn(answerOf(error) ?? error);
  return statusName(own ?? grpcStatusOf(problemOf(error).code));
}

/** RpcException of Nest, known by its method: its package is not a dependency. */
function answerOf(error: unknown): unknown {
  const getError: unknown = Reflect.get(Object(error), 'getError');
  return typeof getError === 'function' ? Reflect.apply(getError, error, []) : undefined;
}

function codeIn(value: unknown): number | undefined {
  const code: unknown = Reflect.get(Object(value), 'code');
  return typeof code === 'number' && Number.isInteger(code) ? code : undefined;
}
