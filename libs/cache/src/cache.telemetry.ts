import { lazyCounter, lazyHistogram } from '@infra-kit/kernel';

/** Scope of the instruments and of the tracer. */
export const CACHE_SCOPE = '@infra-kit/cache';

/** Names of what a cache emits. Labels are bounded: never a key. */
export const CACHE_METRICS = {
  /** Counter. Reads by `result`: hit, miss; of getOrSet also shared (waited for another caller's load) and stale. */
  reads: 'infra.cache.reads',
  /** Histogram, seconds. Calls that went to a server, by `operation` and `outcome` (ok, or the error's code). */
  duration: 'infra.cache.operation.duration',
  /** Counter. Calls that failed, by `operation` and `code`. */
  errors: 'infra.cache.errors',
  /** Counter. Loads of getOrSet by `outcome`: ok, failed, cancelled. */
  loads: 'infra.cache.loads',
  /** Counter. Loads made because the cache server was away. */
  fallbackLoads: 'infra.cache.fallback.loads',
  /** Counter. Keys looked for in the near cache, by `result`: hit, miss. */
  nearReads: 'infra.cache.near.reads',
  /** Counter. Keys the server said to have changed, kept here or not. */
  nearInvalidations: 'infra.cache.near.invalidations',
  /** Counter. Times the near cache was emptied, by `reason`: lost, silent, reconnect, flush. */
  nearEmptied: 'infra.cache.near.emptied',
  /** Counter. Changes of the server's state, by `state`: up, degraded, down. */
  stateChanges: 'infra.cache.state.changes',
} as const;

/** Names of the labels; `cache` is the instance's name. */
export const CACHE_LABELS = {
  cache: 'cache',
  operation: 'operation',
  result: 'result',
  outcome: 'outcome',
  code: 'code',
  state: 'state',
  reason: 'reason',
} as const;

const counter = (name: string, unit: string, description: string): ReturnType<typeof lazyCounter> =>
  lazyCounter(CACHE_SCOPE, name, { unit, description });

export const readsCounter = counter(CACHE_METRICS.reads, '{read}', 'Keys read, by result');
export const errorsCounter = counter(CACHE_METRICS.errors, '{call}', 'Calls that failed');
export const loadsCounter = counter(CACHE_METRICS.loads, '{load}', 'Loads of getOrSet');
export const fallbackCounter = counter(
  CACHE_METRICS.fallbackLoads,
  '{load}',
  'Loads from the source because the cache server was away',
);
export const nearReadsCounter = counter(
  CACHE_METRICS.nearReads,
  '{read}',
  'Keys looked for in the near cache',
);
export const nearInvalidationsCounter = counter(
  CACHE_METRICS.nearInvalidations,
  '{key}',
  'Keys the server said to have changed',
);
export const nearEmptiedCounter = counter(
  CACHE_METRICS.nearEmptied,
  '{time}',
  'Times the near cache was emptied, by reason',
);
export const stateCounter = counter(CACHE_METRICS.stateChanges, '{change}', 'Changes of the server state');
export const durationHistogram = lazyHistogram(CACHE_SCOPE, CACHE_METRICS.duration, {
  unit: 's',
  description: 'Time of a call to the cache server, all tries included',
  advice: {
    explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
});
