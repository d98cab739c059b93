import {
  InfraError,
  LockLostError,
  placeOf,
  shown,
  type InfraErrorCode,
  type InfraErrorOptions,
  type Place,
} from '@infra-kit/kernel';

export { shown } from '@infra-kit/kernel';

/** Which instance speaks, for messages: `once`, or `once(payments)`. */
export type OncePlace = Place;

export const oncePlace = (name: string): OncePlace => placeOf('once', name);

const origin = ({ name }: OncePlace): { component: string; instance: string } => ({
  component: 'once',
  instance: name,
});

const UNPROCESSABLE = 422;

/** Every refusal of the component but the lost lease. */
export class OnceError extends InfraError {
  static {
    this.prototype.name = 'OnceError';
  }

  constructor(place: OncePlace, code: InfraErrorCode, what: string, options: InfraErrorOptions = {}) {
    super(code, `${place.label}: ${what}`, { ...origin(place), ...options });
  }
}

/** The key runs now. ALREADY_EXISTS, HTTP 409 with Retry-After; retryable. */
export class OnceInProgressError extends OnceError {
  static {
    this.prototype.name = 'OnceInProgressError';
  }

  override readonly retryAfterMs: number;

  constructor(place: OncePlace, key: string, retryAfterMs: number) {
    super(
      place,
      'ALREADY_EXISTS',
      `key ${shown(key)} is being worked on; ask again in ${retryAfterMs} ms, or use onInFlight: 'wait'`,
      { retryable: true, retryAfterMs },
    );
    this.retryAfterMs = retryAfterMs;
  }
}

/** The key was used for something else. INVALID_ARGUMENT, HTTP 422. */
export class OnceMismatchError extends OnceError {
  static {
    this.prototype.name = 'OnceMismatchError';
  }

  constructor(place: OncePlace, key: string) {
    super(
      place,
      'INVALID_ARGUMENT',
      `key ${shown(key)} was used with another payload; nothing was run, use a new key for a new request`,
      { httpStatus: UNPROCESSABLE },
    );
  }
}

/** The effect has happened, but its result was too large, a stream, or nothing that JSON writes. ALREADY_EXISTS, HTTP 409. */
export class OnceResultGoneError extends OnceError {
  static {
    this.prototype.name = 'OnceResultGoneError';
  }

  constructor(place: OncePlace, key: string) {
    super(
      place,
      'ALREADY_EXISTS',
      `key ${shown(key)} has had its effect, but its result is gone: it was not kept; nothing was run again`,
      { retryable: false },
    );
  }
}

/**
 * The lease ran out while the function ran: another may have taken the key. FAILED_PRECONDITION, not retryable: ask what
 * has become of the effect. The function's own error, or why the store was not reached, is the cause.
 */
export class OnceLeaseLostError extends LockLostError {
  static {
    this.prototype.name = 'OnceLeaseLostError';
  }

  constructor(place: OncePlace, key: string, why: string, cause?: unknown) {
    super(`${place.label}: the lease of key ${shown(key)} is lost, ${why}`, {
      ...origin(place),
      retryable: false,
      cause,
    });
  }
}

export const invalidArgument = (place: OncePlace, what: string, cause?: unknown): OnceError =>
  new OnceError(place, 'INVALID_ARGUMENT', what, { cause });

export const precondition = (place: OncePlace, what: string): OnceError =>
  new OnceError(place, 'FAILED_PRECONDITION', what);

export const closedError = (place: OncePlace): OnceError =>
  precondition(place, 'it is closed; make a new one');

export const tableMissing = (place: OncePlace): OnceError =>
  precondition(place, 'its table is missing: migrate ONCE_TABLE_SQL, or set autoMigrate');

/** The store could not be asked. */
export const storeAway = (place: OncePlace, what: string, cause: unknown): OnceError =>
  new OnceError(place, 'UNAVAILABLE', what, { cause });
