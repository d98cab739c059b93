import { InfraError, placeOf, shown, type Place } from '@infra-kit/kernel';
import type { Decision } from './ratelimit.provider.js';
import { ClosedDecision } from './rules/decision.js';

export { closedError, invalidArgument, shown } from '@infra-kit/kernel';

/** Which limiter speaks, for messages: `ratelimit`, or `ratelimit(partners)`. */
export type RateLimitPlace = Place;

export const rateLimitPlace = (name: string): RateLimitPlace => placeOf('ratelimit', name);

const origin = (place: RateLimitPlace): { component: string; instance: string } => ({
  component: 'ratelimit',
  instance: place.name,
});

const UNAVAILABLE_STATUS = 503;

/**
 * A call that was refused: RESOURCE_EXHAUSTED, HTTP 429; 503 where the store is away and the rule says `closed`.
 * `decision` is the refusal that holds longest, `decisions` are all of the call; `retryAfterMs` is left out for a cost
 * that never fits.
 */
export class RateLimitExceededError extends InfraError {
  readonly decision: Decision;
  readonly decisions: readonly Decision[];

  constructor(place: RateLimitPlace, decisions: readonly Decision[], decision: Decision) {
    const { rule, retryAfterMs } = decision;
    const again = Number.isFinite(retryAfterMs)
      ? `try again in ${Math.ceil(retryAfterMs)} ms`
      : 'its cost is above the capacity: it never fits';
    super('RESOURCE_EXHAUSTED', `${place.label}: the limit '${rule}' is exhausted; ${again}`, {
      ...origin(place),
      retryable: Number.isFinite(retryAfterMs),
      retryAfterMs: Number.isFinite(retryAfterMs) ? retryAfterMs : undefined,
      httpStatus: decision instanceof ClosedDecision ? UNAVAILABLE_STATUS : undefined,
    });
    this.decision = decision;
    this.decisions = decisions;
  }
}
Object.defineProperty(RateLimitExceededError.prototype, 'name', {
  value: 'RateLimitExceededError',
  configurable: true,
  writable: true,
});

export function unknownRule(place: RateLimitPlace, rule: string, known: readonly string[]): InfraError {
  const list = known.length === 0 ? 'there are none' : `known are ${known.join(', ')}`;
  return new InfraError('NOT_FOUND', `${place.label}: no rule ${shown(rule)}; ${list}`, origin(place));
}

/** `reason` of a permit's signal: the slot could be given to another. FAILED_PRECONDITION, retryable. */
export class LostPermitError extends InfraError {
  constructor(place: RateLimitPlace, rule: string, why: string) {
    super('FAILED_PRECONDITION', `${place.label}: a permit of '${rule}' is lost: ${why}`, {
      ...origin(place),
      retryable: true,
    });
  }
}
Object.defineProperty(LostPermitError.prototype, 'name', {
  value: 'LostPermitError',
  configurable: true,
  writable: true,
});
