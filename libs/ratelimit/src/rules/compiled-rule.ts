import { BUCKET, SLOTS, WINDOW, type RuleNumbers } from '../algorithms/algorithm.js';
import type { OnStoreError, RateLimitRule } from '../ratelimit.provider.js';
import { decisionLabels, type DecisionLabels } from '../ratelimit.telemetry.js';

/** A rule ready to decide by. */
export interface CompiledRule extends RuleNumbers {
  readonly name: string;
  /** As the user wrote it, defaults filled in. */
  readonly given: RateLimitRule;
  readonly limit: number;
  /** Decided in this process: by its scope, or because there is no store. */
  readonly local: boolean;
  readonly lease: { readonly size: number; readonly ttlMs: number } | undefined;
  readonly onStoreError: OnStoreError | undefined;
  /** What its keys begin with. */
  readonly prefix: string;
  /** Milliseconds one token takes to come back. */
  readonly msPerToken: number;
  /** Whole seconds for an exhausted account to be full again: `w` of RateLimit-Policy. */
  readonly refillSeconds: number;
  readonly labels: DecisionLabels;
}

const FINEST = 1e6;
const US_PER_MS = 1000;
/** Costs count in thousandths of a token. */
const PARTS = 1000;

function gcd(one: number, other: number): number {
  return other === 0 ? one : gcd(other, one % other);
}

/** `rate` tokens in `perMs` as whole numbers: units that come back in a µs, and units a token. */
function unitsOf(rate: number, perMs: number): { readonly leak: number; readonly token: number } {
  let scale = 1;
  while (!Number.isInteger(rate * scale) && scale < FINEST) scale *= 10;
  const tokens = Math.max(1, Math.round(rate * scale));
  const us = Math.round(perMs * US_PER_MS * scale);
  const common = gcd(tokens, us);
  const parts = PARTS / gcd(us / common, PARTS);
  return { leak: (tokens / common) * parts, token: (us / common) * parts };
}

function numbersOf(rule: RateLimitRule, perMs: number): RuleNumbers {
  const shadow = rule.shadow === true ? 1 : 0;
  switch (rule.algorithm) {
    case 'sliding-window':
      return { kind: WINDOW, a: Math.floor(rule.rate * PARTS), b: perMs, c: 0, d: 0, shadow };
    case 'concurrency':
      return { kind: SLOTS, a: Math.floor(rule.capacity), b: perMs * US_PER_MS, c: 0, d: 0, shadow };
    default: {
      const { leak, token } = unitsOf(rule.rate, perMs);
      const leaseUs = (rule.lease?.ttlMs ?? 0) * US_PER_MS;
      return {
        kind: BUCKET,
        a: leak,
        b: token,
        c: Math.floor(rule.capacity * token),
        d: leaseUs,
        shadow,
      };
    }
  }
}

/** The most tokens that can be counted exactly at this rate: whole numbers end at 2⁵³. */
export function mostTokens(rate: number, perMs: number): number {
  return Math.floor(Number.MAX_SAFE_INTEGER / unitsOf(rate, perMs).token);
}

const LETTERS = ['b', 'w', 's'] as const;

/** `rule` has been checked. `id` tells rules without a name apart. */
export function compileRule(
  instance: string,
  name: string,
  rule: RateLimitRule,
  id: string = name,
): CompiledRule {
  const perMs = rule.perMs ?? 1000;
  const given: RateLimitRule = Object.freeze({
    ...rule,
    algorithm: rule.algorithm ?? 'token-bucket',
    perMs,
    scope: rule.scope ?? 'distributed',
  });
  const numbers = numbersOf(rule, perMs);
  const msPerToken = perMs / rule.rate;
  const refillMs = numbers.kind === BUCKET ? rule.capacity * msPerToken : perMs;
  return {
    ...numbers,
    name,
    given,
    limit: rule.algorithm === 'sliding-window' ? rule.rate : rule.capacity,
    local: rule.scope === 'local',
    lease: rule.lease,
    onStoreError: rule.onStoreError,
    prefix: `${LETTERS[numbers.kind]}:${id}:`,
    msPerToken,
    refillSeconds: Math.max(1, Math.ceil(refillMs / 1000)),
    labels: decisionLabels(instance, name),
  };
}

/** The rule for one process of several while the store is away. */
export function shareOf(rule: CompiledRule, share: number): CompiledRule {
  const { rate, capacity, perMs = 1000 } = rule.given;
  const least = Math.min(1, rate);
  // less than one call a window would be none at all: one, in a window as much longer
  const stretch = rule.kind === WINDOW ? Math.max(1, least / (rate * share)) : 1;
  const own = {
    ...rule.given,
    rate: rate * share * stretch,
    // one call at least, but for a rule that lets none through whole
    capacity: Math.min(capacity, Math.max(1, capacity * share)),
    lease: undefined,
  };
  return { ...rule, ...numbersOf(own, Math.ceil(perMs * stretch)) };
}
