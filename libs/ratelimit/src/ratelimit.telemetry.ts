import { createNoopMeter, metrics, type Attributes } from '@opentelemetry/api';
import { lazyCounter, lazyHistogram, lazyUpDownCounter } from '@infra-kit/kernel';
import type { Decision } from './ratelimit.provider.js';

export const RATELIMIT_SCOPE = '@infra-kit/ratelimit';

/** Names of what a rate limiter emits. Labels are bounded: never a resource. */
export const RATELIMIT_METRICS = {
  /** Counter. Decisions by `rule`, `outcome` (allowed, refused, shadow_refused) and `source`. */
  decisions: 'infra.ratelimit.decisions',
  /** Histogram, seconds. Script calls to the store, by `outcome` (ok, or the error's code). */
  storeDuration: 'infra.ratelimit.store.duration',
  /** Up-down counter: 1 while a fallback is in force. */
  fallback: 'infra.ratelimit.fallback',
  /** Counter. Changes of the store's state, by `state`: down, up. */
  stateChanges: 'infra.ratelimit.state.changes',
} as const;

/** Names of the labels; `ratelimit` is the instance's name. */
export const RATELIMIT_LABELS = {
  ratelimit: 'ratelimit',
  rule: 'rule',
  outcome: 'outcome',
  source: 'source',
  state: 'state',
} as const;

export const decisionsCounter = lazyCounter(RATELIMIT_SCOPE, RATELIMIT_METRICS.decisions, {
  unit: '{decision}',
  description: 'Decisions, by rule, outcome and source',
});
export const storeDuration = lazyHistogram(RATELIMIT_SCOPE, RATELIMIT_METRICS.storeDuration, {
  unit: 's',
  description: 'Time of a script call to the store',
  advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1] },
});
export const fallbackInForce = lazyUpDownCounter(RATELIMIT_SCOPE, RATELIMIT_METRICS.fallback, {
  description: '1 while a fallback is in force',
});
export const stateChanges = lazyCounter(RATELIMIT_SCOPE, RATELIMIT_METRICS.stateChanges, {
  unit: '{change}',
  description: 'Changes of the state of the store',
});

/** False while no MeterProvider is installed. */
export function isMeasured(): boolean {
  return metrics.getMeterProvider().getMeter(RATELIMIT_SCOPE) !== createNoopMeter();
}

export type Outcome = 'allowed' | 'refused' | 'shadow_refused';
/** The attributes of every decision a rule can give, made once. */
export type DecisionLabels = Readonly<Record<Outcome, Readonly<Record<Decision['source'], Attributes>>>>;

export function decisionLabels(ratelimit: string, rule: string): DecisionLabels {
  const of = (outcome: Outcome): Record<Decision['source'], Attributes> => ({
    store: { ratelimit, rule, outcome, source: 'store' },
    local: { ratelimit, rule, outcome, source: 'local' },
    lease: { ratelimit, rule, outcome, source: 'lease' },
    fallback: { ratelimit, rule, outcome, source: 'fallback' },
  });
  return { allowed: of('allowed'), refused: of('refused'), shadow_refused: of('shadow_refused') };
}
