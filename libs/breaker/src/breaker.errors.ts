import { InfraError, placeOf, type InfraErrorOptions, type Place } from '@infra-kit/kernel';
import type { Refusal } from './circuit/circuit-state.js';

export { closedError, invalidArgument } from '@infra-kit/kernel';

/** Which provider speaks, for messages: `breaker`, or `breaker(edge)`. */
export type BreakerPlace = Place;

export const breakerPlace = (name: string): BreakerPlace => placeOf('breaker', name);

const origin = (place: BreakerPlace): { component: string; instance: string } => ({
  component: 'breaker',
  instance: place.name,
});

/**
 * The breaker turns calls away: UNAVAILABLE, over HTTP 503 with Retry-After. `retryAfterMs` says when a call may pass;
 * it is undefined while the breaker is isolated. It has no stack: nothing went wrong where it was made.
 */
export class BreakerOpenError extends InfraError {
  static {
    this.prototype.name = 'BreakerOpenError';
  }

  /** The breaker's name. */
  readonly breaker: string;

  constructor(place: BreakerPlace, breaker: string, what: string, options: InfraErrorOptions) {
    super('UNAVAILABLE', `${place.label}: '${breaker}' ${what}`, options);
    this.breaker = breaker;
  }
}

/** The call took longer than it may: DEADLINE_EXCEEDED. The work underneath was told by its signal, and may go on. */
export class BreakerTimeoutError extends InfraError {
  static {
    this.prototype.name = 'BreakerTimeoutError';
  }

  readonly breaker: string;

  constructor(place: BreakerPlace, breaker: string, limitMs: number) {
    const what =
      limitMs > 0
        ? `no answer within ${Math.round(limitMs)} ms; raise timeoutMs or look at what it protects`
        : 'the deadline had passed before the call';
    super('DEADLINE_EXCEEDED', `${place.label}: '${breaker}': ${what}`, origin(place));
    this.breaker = breaker;
  }
}

/** As many calls as allowed are in flight: RESOURCE_EXHAUSTED. */
export class BulkheadFullError extends InfraError {
  static {
    this.prototype.name = 'BulkheadFullError';
  }

  readonly breaker: string;

  constructor(place: BreakerPlace, breaker: string, limit: number) {
    super(
      'RESOURCE_EXHAUSTED',
      `${place.label}: '${breaker}' has ${limit} calls in flight; raise maxConcurrent or shed load`,
      { ...origin(place), retryable: true },
    );
    this.breaker = breaker;
  }
}

const REFUSED: Readonly<Record<Refusal['state'], string>> = {
  open: 'is open; try again after retryAfterMs, and look at what it protects',
  'half-open': 'is half-open and all its probes are under way; try again after retryAfterMs',
  isolated: 'is isolated; reset() lets calls pass again',
};

/** Made without a stack, which would cost more than the call that is turned away. */
export function refusalError(
  place: BreakerPlace,
  breaker: string,
  refusal: Pick<Refusal, 'state' | 'retryAfterMs'>,
): BreakerOpenError {
  const depth = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const { state, retryAfterMs } = refusal;
    return new BreakerOpenError(place, breaker, REFUSED[state], { ...origin(place), retryAfterMs });
  } finally {
    Error.stackTraceLimit = depth;
  }
}
