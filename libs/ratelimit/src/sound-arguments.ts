import { invalidArgument, shown, type RateLimitPlace } from './ratelimit.errors.js';
import type { RateLimitCheck } from './ratelimit.provider.js';

const LONGEST_RESOURCE = 16 * 1024;

/** What may be a resource. @throws INVALID_ARGUMENT */
export function soundResource(place: RateLimitPlace, resource: unknown): string {
  if (typeof resource !== 'string' || resource === '')
    throw invalidArgument(place, `resource must be a text that is not empty, got ${shown(resource)}`);
  if (resource.length > LONGEST_RESOURCE || !resource.isWellFormed())
    throw invalidArgument(place, `resource must be well-formed and at most 16 KiB, got ${shown(resource)}`);
  return resource;
}

/** Tokens of a call; 1 where it says none. @throws INVALID_ARGUMENT */
export function soundCost(place: RateLimitPlace, cost: unknown): number {
  const amount = cost ?? 1;
  if (typeof amount === 'number' && amount >= 0 && amount < Infinity) return amount;
  throw invalidArgument(place, `cost must be a finite number ≥ 0, got ${shown(amount)}`);
}

export function isCheck(check: unknown): check is RateLimitCheck {
  return typeof check === 'object' && check !== null;
}
