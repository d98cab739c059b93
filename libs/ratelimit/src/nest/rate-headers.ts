import type { RateLimitHeaders } from '../ratelimit.config.js';
import type { Decision } from '../ratelimit.provider.js';

/** A decision and what its rule takes to fill up again, in whole seconds. */
export interface ShownDecision {
  readonly decision: Decision;
  readonly refillSeconds: number;
}

const seconds = (ms: number): number => (Number.isFinite(ms) ? Math.ceil(ms / 1000) : 0);

/** Whole seconds for Retry-After, at least one; undefined where waiting does not help. */
export function retryAfterSeconds({ retryAfterMs }: Decision): number | undefined {
  return Number.isFinite(retryAfterMs) ? Math.max(1, seconds(retryAfterMs)) : undefined;
}

/** draft-ietf-httpapi-ratelimit-headers: one item a rule; and the older X-RateLimit-* of the rule with the least left. */
export function rateHeaders(
  shown: readonly ShownDecision[],
  style: RateLimitHeaders,
): [name: string, value: string][] {
  const tightest = shown.toSorted((one, other) => one.decision.remaining - other.decision.remaining)[0]
    ?.decision;
  if (tightest === undefined) return [];
  const headers: [string, string][] = [];
  if (style === 'ietf' || style === 'both')
    headers.push(
      [
        'RateLimit-Policy',
        shown
          .map(
            ({ decision, refillSeconds }) =>
              `"${decision.rule}";q=${Math.floor(decision.limit)};w=${refillSeconds}`,
          )
          .join(', '),
      ],
      [
        'RateLimit',
        shown
          .map(
            ({ decision }) =>
              `"${decision.rule}";r=${decision.remaining};t=${seconds(decision.resetAfterMs)}`,
          )
          .join(', '),
      ],
    );
  if (style === 'legacy' || style === 'both')
    headers.push(
      ['X-RateLimit-Limit', String(Math.floor(tightest.limit))],
      ['X-RateLimit-Remaining', String(tightest.remaining)],
      ['X-RateLimit-Reset', String(seconds(tightest.resetAfterMs))],
    );
  return headers;
}
