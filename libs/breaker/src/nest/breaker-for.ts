import type { Breaker, BreakerProvider } from '../breaker.provider.js';
import type { CircuitBreakerOptions } from './circuit-breaker.options.js';

const asked = new WeakMap<BreakerProvider, Map<CircuitBreakerOptions, Breaker>>();

/**
 * The breaker of a decorator in one application. Asked for once: a policy given with every call would undo the one that
 * somebody gave meanwhile, and two decorators of one name would take the window from each other call by call.
 */
export function breakerFor(provider: BreakerProvider, options: CircuitBreakerOptions): Breaker {
  const known = asked.get(provider) ?? new Map<CircuitBreakerOptions, Breaker>();
  asked.set(provider, known);
  const breaker = known.get(options) ?? provider.get(options.name, options.policy);
  known.set(options, breaker);
  return breaker;
}
