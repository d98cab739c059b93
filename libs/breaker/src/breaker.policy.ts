import type { CircuitRules } from './circuit/circuit-state.js';
import type { WindowShape } from './circuit/outcome-window.js';

/** When a breaker opens, how long, and how it closes again. Durations are milliseconds. */
export interface BreakerPolicy {
  /** Default `{ type: 'count', size: 100 }`. `time`: the last `ms`, in `buckets` (default 10) steps. */
  readonly window: WindowShape;
  /** Outcomes in the window before a rate is judged. Default 10, or the size of a smaller window. */
  readonly minimumCalls: number;
  /** Opens at this share of failures or more; in (0, 1]. Default 0.5. */
  readonly failureRate: number;
  /** Opens after that many failures in a row, whatever the rate. Default: off. */
  readonly failureThreshold?: number | undefined;
  /** A call that takes as long or longer is slow, however it ends. Default: off. */
  readonly slowCallMs?: number | undefined;
  /** Opens at this share of slow calls or more; in (0, 1]. Default 1. */
  readonly slowCallRate?: number | undefined;
  /** How long it stays open before probes. Default 30,000. */
  readonly openStateTimeoutMs: number;
  /** With it, each opening that follows a failed probe lasts twice as long, up to this. Default: off. */
  readonly maxOpenStateTimeoutMs?: number | undefined;
  /** Probes in flight at once while half-open. Default 5. */
  readonly halfOpenMaxCalls: number;
  /** Successful probes that close it. Default 3. */
  readonly successThreshold: number;
  /** Limit of one call: its signal aborts, it rejects with `BreakerTimeoutError` and counts as a failure. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** Calls in flight at once; further ones are `BulkheadFullError`. Default: no limit. */
  readonly maxConcurrent?: number | undefined;
  /** Says of an error whether it is a failure; what is neither failure nor ignored is a success. Default: see `classify`. */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /** Says of an error whether it counts neither way. Asked before `isFailure`. */
  readonly isIgnored?: ((error: unknown) => boolean) | undefined;
  /** False: calls pass and nothing is counted; `timeoutMs` and `maxConcurrent` stay in force. Default true. */
  readonly enabled: boolean;
}

/** Any part of a policy, as callers write it. */
export type BreakerPolicyOptions = { readonly [K in keyof BreakerPolicy]?: BreakerPolicy[K] | undefined };

/** The same without fields that say nothing. */
export type PartialPolicy = Partial<BreakerPolicy>;

/** A policy with nothing left open: what a breaker goes by. */
export interface SettledPolicy extends BreakerPolicy, CircuitRules {
  /** Infinity without `slowCallMs`. */
  readonly slowCallRate: number;
}

const MINIMUM_CALLS = 10;

/** What holds where nothing else is said; `minimumCalls` follows from the window. */
export const POLICY_DEFAULTS = {
  window: { type: 'count', size: 100 },
  failureRate: 0.5,
  openStateTimeoutMs: 30_000,
  halfOpenMaxCalls: 5,
  successThreshold: 3,
  enabled: true,
} as const satisfies PartialPolicy;

/** The later wins, field by field; a field that is undefined says nothing. */
export function mergePolicies(...layers: readonly (BreakerPolicyOptions | undefined)[]): PartialPolicy {
  const merged: Record<string, unknown> = {};
  for (const layer of layers)
    for (const [field, value] of Object.entries(layer ?? {})) if (value !== undefined) merged[field] = value;
  return merged;
}

export function settlePolicy(options: PartialPolicy): SettledPolicy {
  const { window = POLICY_DEFAULTS.window, slowCallMs, slowCallRate = 1 } = options;
  const most = window.type === 'count' ? window.size : Infinity;
  return Object.freeze({
    ...POLICY_DEFAULTS,
    minimumCalls: Math.min(MINIMUM_CALLS, most),
    ...options,
    slowCallRate: slowCallMs === undefined ? Infinity : slowCallRate,
  });
}

/** What no field says for itself: fields that must fit each other. */
export function policyProblems(options: PartialPolicy): string[] {
  const {
    window,
    minimumCalls,
    openStateTimeoutMs,
    maxOpenStateTimeoutMs,
    slowCallRate,
    slowCallMs,
  }: PartialPolicy & Pick<BreakerPolicy, keyof typeof POLICY_DEFAULTS> = {
    ...POLICY_DEFAULTS,
    ...options,
  };
  const problems: string[] = [];
  if (window.type === 'count' && minimumCalls !== undefined && minimumCalls > window.size)
    problems.push(
      `minimumCalls: ${minimumCalls} never fit into a window of ${window.size}; lower it, or widen the window`,
    );
  if (maxOpenStateTimeoutMs !== undefined && maxOpenStateTimeoutMs < openStateTimeoutMs)
    problems.push(
      `maxOpenStateTimeoutMs: ${maxOpenStateTimeoutMs} is below openStateTimeoutMs (${openStateTimeoutMs})`,
    );
  if (slowCallRate !== undefined && slowCallMs === undefined)
    problems.push('slowCallRate: without slowCallMs no call is slow; set both, or neither');
  return problems;
}
