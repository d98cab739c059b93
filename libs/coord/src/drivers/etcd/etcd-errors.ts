import {
  castGrpcError,
  ClientClosedError,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCAbortedError,
  GRPCAlreadyExistsError,
  GRPCCancelledError,
  GRPCDataLossError,
  GRPCDeadlineExceededError,
  GRPCFailedPreconditionError,
  GRPCInternalError,
  GRPCInvalidArgumentError,
  GRPCNotFoundError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCResourceExhastedError,
  GRPCUnauthenticatedError,
  GRPCUnavailableError,
} from 'etcd3';
import { messageOf, type InfraErrorCode } from '@infra-kit/kernel';

/** What the driver says on its own behalf. */
export class EtcdDriverError extends Error {
  static {
    this.prototype.name = 'EtcdDriverError';
  }

  readonly code: InfraErrorCode;

  constructor(code: InfraErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

const CODES: readonly (readonly [new (...args: never[]) => Error, InfraErrorCode])[] = [
  [EtcdAuthenticationFailedError, 'PERMISSION_DENIED'],
  [EtcdInvalidAuthTokenError, 'PERMISSION_DENIED'],
  [EtcdPermissionDeniedError, 'PERMISSION_DENIED'],
  [GRPCUnauthenticatedError, 'PERMISSION_DENIED'],
  [EtcdLeaseInvalidError, 'NOT_FOUND'],
  [GRPCNotFoundError, 'NOT_FOUND'],
  [GRPCUnavailableError, 'UNAVAILABLE'],
  [GRPCDeadlineExceededError, 'DEADLINE_EXCEEDED'],
  [GRPCCancelledError, 'CANCELLED'],
  [GRPCInvalidArgumentError, 'INVALID_ARGUMENT'],
  [GRPCOutOfRangeError, 'INVALID_ARGUMENT'],
  [GRPCAlreadyExistsError, 'ALREADY_EXISTS'],
  [GRPCResourceExhastedError, 'RESOURCE_EXHAUSTED'],
  [GRPCFailedPreconditionError, 'FAILED_PRECONDITION'],
  [GRPCAbortedError, 'ABORTED'],
  [GRPCNotImplementedError, 'UNIMPLEMENTED'],
  [GRPCDataLossError, 'DATA_LOSS'],
  [GRPCInternalError, 'INTERNAL'],
  [ClientClosedError, 'FAILED_PRECONDITION'],
];

/** etcd calls these invalid arguments; they say that the server wants a user. */
const WANTS_A_USER = /etcdserver: user name is empty|etcdserver: invalid auth management/;
const STALE_TOKEN = /etcdserver: (invalid auth token|revision of auth store is old)/;

/** Streams give gRPC's untyped errors; unary calls come typed already. */
export function typed(error: unknown): Error {
  return castGrpcError(error instanceof Error ? error : new Error(messageOf(error)));
}

export function etcdCodeOf(error: unknown): InfraErrorCode | undefined {
  if (error instanceof EtcdDriverError) return error.code;
  const said = messageOf(error);
  if (WANTS_A_USER.test(said)) return 'PERMISSION_DENIED';
  return CODES.find(([kind]) => error instanceof kind)?.[1];
}

/** The token has run out, or the server knows it no more: nothing was done, and a new one helps. */
export function isStaleToken(error: unknown): boolean {
  return STALE_TOKEN.test(messageOf(error));
}

/** There was no connection to send it on: nothing was done. */
export function wasNotSent(error: unknown): boolean {
  return (
    error instanceof GRPCUnavailableError &&
    /No connection established|Name resolution failed/.test(error.message)
  );
}

/** No answer, or none in time: the server may be away. */
export function looksAway(error: unknown): boolean {
  const code = etcdCodeOf(error);
  return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED';
}
