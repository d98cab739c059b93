import { lazyCounter, lazyHistogram } from '@infra-kit/kernel';

export const ONCE_SCOPE = '@infra-kit/once';

/** Names of what the component emits. Labels are bounded: never a key or a scope. */
export const ONCE_METRICS = {
  /** Counter. Calls by `store`, `outcome` and `reason`. */
  calls: 'infra.once.calls',
  /** Histogram, seconds. Calls to the cache store, by `operation` and `outcome` (ok, or the error's code). */
  storeDuration: 'infra.once.store.duration',
} as const;

/** Names of the labels; `once` is the instance's name. */
export const ONCE_LABELS = {
  once: 'once',
  store: 'store',
  outcome: 'outcome',
  reason: 'reason',
  operation: 'operation',
} as const;

/**
 * How a call ended, and why.
 * - `ran`: `first` (kept), `not_kept` (too large, a stream, not JSON), `unprotected` (store away, `onStoreError: 'open'`)
 * - `replayed`: `result`, `error`
 * - `refused`: `in_progress`, `mismatch`, `result_gone`, `own_chain`, `bad_key`, `store_away`
 * - `failed`: `error` (key free), `error_kept`, `lease_lost`, `not_stored` (the store failed at completion)
 */
export type OnceReason =
  | readonly ['ran', 'first' | 'not_kept' | 'unprotected']
  | readonly ['replayed', 'result' | 'error']
  | readonly ['refused', 'in_progress' | 'mismatch' | 'result_gone' | 'own_chain' | 'bad_key' | 'store_away']
  | readonly ['failed', 'error' | 'error_kept' | 'lease_lost' | 'not_stored'];

const calls = lazyCounter(ONCE_SCOPE, ONCE_METRICS.calls, {
  unit: '{call}',
  description: 'Calls by outcome, with the reason of every replay and refusal',
});
const duration = lazyHistogram(ONCE_SCOPE, ONCE_METRICS.storeDuration, {
  unit: 's',
  description: 'Time of a call to the cache store',
  advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25] },
});

export function countCall(once: string, store: string, [outcome, reason]: OnceReason): void {
  calls.add(1, { once, store, outcome, reason });
}

export function recordStoreCall(once: string, operation: string, outcome: string, tookMs: number): void {
  duration.record(tookMs / 1000, { once, operation, outcome });
}
