import fc from 'fast-check';
import type { BreakerPolicyOptions } from '../src/index.js';
import type { Ending } from './reference-model.js';

export type Step =
  | { readonly do: 'call' }
  /** The `which`-th of the calls under way, oldest first, modulo their number. */
  | { readonly do: 'end'; readonly which: number; readonly ending: Exclude<Ending, 'timeout'> }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'reset' | 'isolate' };

const rate = fc.constantFrom(0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 1);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

const window = fc.oneof(
  fc.record({ type: fc.constant('count' as const), size: fc.integer({ min: 1, max: 8 }) }),
  fc.record({
    type: fc.constant('time' as const),
    ms: fc.constantFrom(40, 100, 300),
    buckets: fc.integer({ min: 1, max: 5 }),
  }),
);

/** Small numbers, so that short histories come through every state many times. */
export const policies: fc.Arbitrary<BreakerPolicyOptions & { slowCallMs: number | undefined }> = fc
  .record({
    window,
    minimumCalls: fc.integer({ min: 1, max: 6 }),
    failureRate: rate,
    failureThreshold: maybe(fc.integer({ min: 1, max: 4 })),
    slow: maybe(fc.record({ slowCallMs: fc.constantFrom(10, 30, 60), slowCallRate: maybe(rate) })),
    openStateTimeoutMs: fc.constantFrom(20, 50, 100),
    backoff: maybe(fc.constantFrom(1, 2, 3, 10)),
    halfOpenMaxCalls: fc.integer({ min: 1, max: 3 }),
    successThreshold: fc.integer({ min: 1, max: 3 }),
    timeoutMs: maybe(fc.constantFrom(15, 40, 120)),
  })
  .map(({ slow, backoff, minimumCalls, ...policy }) => ({
    ...policy,
    slowCallMs: slow?.slowCallMs,
    slowCallRate: slow?.slowCallRate,
    maxOpenStateTimeoutMs: backoff && policy.openStateTimeoutMs * backoff,
    minimumCalls: policy.window.type === 'count' ? Math.min(minimumCalls, policy.window.size) : minimumCalls,
  }));

const ending = fc.oneof(
  { weight: 4, arbitrary: fc.constant('failure' as const) },
  { weight: 4, arbitrary: fc.constant('success' as const) },
  { weight: 1, arbitrary: fc.constantFrom('tolerated' as const, 'ignored' as const, 'cancelled' as const) },
);

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant<Step>({ do: 'call' }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(20), ending }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70 }) }),
    },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'reset' }, { do: 'isolate' }) },
  ),
  { maxLength: 60, size: 'max' },
);
