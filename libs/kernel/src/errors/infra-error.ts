import { databaseCodeOf } from './sql-state.js';
import { messageOf } from './message-of.js';

/** The codes of gRPC and go-cloud: what a caller can act upon, whatever system failed underneath. */
export type InfraErrorCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'UNIMPLEMENTED'
  | 'PERMISSION_DENIED'
  | 'DATA_LOSS'
  | 'INTERNAL';

export interface InfraErrorOptions {
  readonly component?: string | undefined;
  readonly instance?: string | undefined;
  /** Default: true for UNAVAILABLE and ABORTED. */
  readonly retryable?: boolean | undefined;
  /** Milliseconds after which a retry may help. */
  readonly retryAfterMs?: number | undefined;
  /** Overrides the status that belongs to the code. */
  readonly httpStatus?: number | undefined;
  readonly cause?: unknown;
}

const BRAND = Symbol.for('infra-kit:error');

/**
 * The one error of the suite. `message` says what happened, on which instance, and what to do.
 * Recognise it with `isInfraError`, which also holds across two copies of this package.
 */
export class InfraError extends Error {
  static {
    this.prototype.name = 'InfraError'; // no own property: it stays out of spreads and comparisons
  }

  readonly code: InfraErrorCode;
  readonly component: string | undefined;
  readonly instance: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly httpStatus: number | undefined;

  constructor(code: InfraErrorCode, message: string, options: InfraErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.component = options.component;
    this.instance = options.instance;
    this.retryable = options.retryable ?? (code === 'UNAVAILABLE' || code === 'ABORTED');
    this.retryAfterMs = options.retryAfterMs;
    this.httpStatus = options.httpStatus;
  }

  get [BRAND](): true {
    return true;
  }

  /** An InfraError as it is; anything else wrapped, `code` given or read off the error, `cause` kept. */
  static from(
    error: unknown,
    options: InfraErrorOptions & { readonly code?: InfraErrorCode | undefined } = {},
  ): InfraError {
    if (isInfraError(error)) return error;
    const { code = codeOf(error), ...rest } = options;
    // a database's own words may hold the statement and its values
    const message = databaseCodeOf(error) === undefined ? messageOf(error) : 'the database refuses it';
    return new InfraError(code, message, { ...rest, cause: error });
  }

  /** For logs and wire: no stack, no cause. */
  toJSON(): Record<string, unknown> {
    return {
      name: this.name,
      code: this.code,
      message: this.message,
      component: this.component,
      instance: this.instance,
      retryable: this.retryable,
      ...(this.retryAfterMs !== undefined && { retryAfterMs: this.retryAfterMs }),
    };
  }
}

export function isInfraError(error: unknown): error is InfraError {
  return typeof error === 'object' && error !== null && Reflect.get(error, BRAND) === true;
}

const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
]);

function codeOf(error: unknown): InfraErrorCode {
  if (typeof error !== 'object' || error === null) return 'INTERNAL';
  const name: unknown = Reflect.get(error, 'name');
  const code: unknown = Reflect.get(error, 'code');
  if (name === 'AbortError' || code === 'ABORT_ERR') return 'CANCELLED';
  if (name === 'TimeoutError' || code === 'ETIMEDOUT') return 'DEADLINE_EXCEEDED';
  if (typeof code === 'string' && AWAY.has(code)) return 'UNAVAILABLE';
  return databaseCodeOf(error) ?? 'INTERNAL';
}
