import type { CallOptions } from '@infra-kit/kernel';
import { DefaultRateLimitProvider } from '../default-ratelimit.provider.js';
import { rateLimitPlace, RateLimitExceededError } from '../ratelimit.errors.js';
import type { Decision, Permit, RateLimitCheck, RateLimitProvider } from '../ratelimit.provider.js';
import type { ShownDecision } from './rate-headers.js';
import type { RateLimitUse } from './uses.js';

export interface Entered {
  readonly allowed: boolean;
  readonly decisions: readonly Decision[];
  readonly permits: readonly Permit[];
  /** What header fields may show: not the rules that only watch. */
  readonly shown: readonly ShownDecision[];
}

/** Slots of concurrency rules are held by permits; a provider of somebody else's making knows none. */
export async function enter(
  provider: RateLimitProvider,
  checks: readonly RateLimitCheck[],
  options?: CallOptions,
): Promise<Entered> {
  if (checks.length === 0) return { allowed: true, decisions: [], permits: [], shown: [] };
  if (provider instanceof DefaultRateLimitProvider) return provider.enter(checks, options);
  return { ...(await provider.allowAll(checks, options)), permits: [], shown: [] };
}

/** Stacked uses, or a key that says the same twice, may meet in one account: it is charged once, the dearest. */
function oncePerAccount(checks: readonly RateLimitCheck[]): RateLimitCheck[] {
  const found: RateLimitCheck[] = [];
  for (const check of checks) {
    const at = found.findIndex(({ rule, resource }) => rule === check.rule && resource === check.resource);
    const known = found[at];
    if (known === undefined) found.push(check);
    else if ((check.cost ?? 1) > (known.cost ?? 1)) found[at] = check;
  }
  return found;
}

/** The checks of a call: one a resource of each rule. `otherwise` is the resource where a use has no key. */
export function checksOf(
  uses: readonly RateLimitUse[],
  self: unknown,
  args: readonly unknown[],
  otherwise = '',
): RateLimitCheck[] {
  const checks = uses.flatMap((use) => {
    const { rule, key, cost, skip } = use;
    if (skip !== undefined && Reflect.apply(skip, self, args)) return [];
    const given: string | readonly string[] = key === undefined ? otherwise : Reflect.apply(key, self, args);
    const amount = typeof cost === 'function' ? (Reflect.apply(cost, self, args) as number) : cost;
    const resources = typeof given === 'string' || !Array.isArray(given) ? [given as string] : given;
    return resources.map((resource) => ({ resource, rule, cost: amount }));
  });
  return checks.length > 1 ? oncePerAccount(checks) : checks;
}

/** The error of a refused call: of the refusal that holds longest. */
export function exceeded(
  provider: RateLimitProvider,
  decisions: readonly Decision[],
): RateLimitExceededError {
  const refusals = decisions.filter(({ allowed }) => !allowed);
  const [longest] = refusals.toSorted((one, other) => other.retryAfterMs - one.retryAfterMs);
  const decision = longest ?? decisions[0];
  if (decision === undefined) throw new RangeError('a refusal has a decision');
  return new RateLimitExceededError(rateLimitPlace(provider.name), decisions, decision);
}
