import { grpcStatusOf } from './http-status.js';
import type { InfraErrorCode } from './infra-error.js';

/** Metadata of @grpc/grpc-js, known by its methods: the package is not a dependency. */
export interface GrpcMetadata {
  get(key: string): readonly (string | Uint8Array)[];
  set(key: string, value: string | Uint8Array): void;
}

/** What @grpc/grpc-js gives a handler beside the request, known by its methods. */
export interface GrpcServerCall {
  readonly metadata: GrpcMetadata;
  readonly cancelled: boolean;
  /** `/package.Service/Method`. */
  getPath(): string;
  /** `address:port` of the client. */
  getPeer(): string;
  /** Of `grpc-timeout`; Infinity without one. */
  getDeadline(): Date | number;
  once(event: 'cancelled', listener: () => void): unknown;
  removeListener(event: 'cancelled', listener: () => void): unknown;
}

const CALL_METHODS = ['getPath', 'getPeer', 'getDeadline', 'once'] as const;

function isServerCall(value: unknown): value is GrpcServerCall {
  if (typeof value !== 'object' || value === null) return false;
  return CALL_METHODS.every((name) => typeof Reflect.get(value, name) === 'function');
}

/** The call among the arguments of a gRPC handler; undefined for handlers of other transports. */
export function grpcCallOf(args: readonly unknown[]): GrpcServerCall | undefined {
  return args.find((value) => isServerCall(value));
}

export interface GrpcErrorParts {
  readonly code: InfraErrorCode;
  readonly details: string;
  readonly retryAfterMs?: number | undefined;
  readonly traceId?: string | undefined;
}

/** An error as @grpc/grpc-js sends it. */
export interface GrpcError {
  readonly code: number;
  readonly details: string;
  readonly message: string;
  readonly metadata?: GrpcMetadata;
}

const TRACE_ID = 'x-trace-id';
/** Honoured by retrying clients, https://github.com/grpc/proposal/blob/master/A6-client-retries.md (pushback). */
const PUSHBACK = 'grpc-retry-pushback-ms';
/** A `google.rpc.Status`, https://google.aip.dev/193. */
const STATUS_DETAILS = 'grpc-status-details-bin';

/**
 * What a handler's failure is on the wire: the status, and in the trailers the trace id and, where it is known when a
 * retry may help, the pushback in milliseconds and a `google.rpc.RetryInfo`.
 */
export function grpcErrorOf(parts: GrpcErrorParts, call: GrpcServerCall | undefined): GrpcError {
  const { code, details, retryAfterMs, traceId } = parts;
  const status = grpcStatusOf(code);
  const metadata = call && emptyMetadata(call);
  if (traceId !== undefined) metadata?.set(TRACE_ID, traceId);
  if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs)) {
    const waitMs = Math.max(0, Math.ceil(retryAfterMs));
    metadata?.set(PUSHBACK, String(waitMs));
    metadata?.set(STATUS_DETAILS, retryStatus(status, details, waitMs));
  }
  return { code: status, details, message: details, ...(metadata && { metadata }) };
}

/** Of the class that the call's own metadata has. */
function emptyMetadata(call: GrpcServerCall): GrpcMetadata | undefined {
  const made: unknown = Reflect.construct(call.metadata.constructor as new () => unknown, []);
  return typeof Reflect.get(Object(made), 'set') === 'function' ? (made as GrpcMetadata) : undefined;
}

/** Protocol buffers by hand: three small messages, https://protobuf.dev/programming-guides/encoding/. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}
const integer = (field: number, value: number): Buffer => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field: number, value: Uint8Array): Buffer =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);

/** `google.rpc.Status` { code, message, details: [Any of `google.rpc.RetryInfo` { retry_delay }] }. */
function retryStatus(status: number, message: string, waitMs: number): Buffer {
  const delay = Buffer.concat([
    integer(1, Math.floor(waitMs / 1000)),
    integer(2, (waitMs % 1000) * 1_000_000),
  ]);
  const any = Buffer.concat([
    bytes(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')),
    bytes(2, bytes(1, delay)),
  ]);
  return Buffer.concat([integer(1, status), bytes(2, Buffer.from(message)), bytes(3, any)]);
}
