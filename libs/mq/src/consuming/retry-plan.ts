import type { RetryPolicy } from '../mq.messages.js';

/** A retry policy with nothing left open. */
export interface SettledRetry {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly factor: number;
  readonly jitter: number;
  readonly mode: 'in-place' | 'topics';
  readonly fatal: ((error: unknown) => boolean) | undefined;
}

/** What becomes of a message whose handler has failed. */
export type NextStep =
  | { readonly kind: 'again'; readonly afterMs: number }
  | { readonly kind: 'retry-topic'; readonly level: number; readonly afterMs: number }
  | { readonly kind: 'dead-letter' };

/** How long to wait after the `tries`-th failure; `random` in [0, 1) decides the jittered part. */
export function backoff(policy: SettledRetry, tries: number, random: number): number {
  const full = Math.min(policy.maxBackoffMs, policy.backoffMs * policy.factor ** (tries - 1));
  return Math.round(full * (1 - policy.jitter * random));
}

/**
 * After the `tries`-th failure of this round. `deadLetters` false: there is nowhere to put it, so it is tried until it
 * succeeds.
 */
export function nextStep(
  policy: SettledRetry,
  failure: { readonly tries: number; readonly fatal: boolean; readonly random: number },
  deadLetters: boolean,
): NextStep {
  const { tries, fatal, random } = failure;
  const over = fatal || tries >= policy.attempts;
  if (over && deadLetters) return { kind: 'dead-letter' };
  const afterMs = backoff(policy, tries, random);
  if (over || policy.mode === 'in-place') return { kind: 'again', afterMs };
  return { kind: 'retry-topic', level: tries, afterMs };
}

export const retrySettled = (
  given: RetryPolicy | undefined,
  defaults: Omit<SettledRetry, 'fatal'>,
): SettledRetry => ({
  attempts: given?.attempts ?? defaults.attempts,
  backoffMs: given?.backoffMs ?? defaults.backoffMs,
  maxBackoffMs: given?.maxBackoffMs ?? defaults.maxBackoffMs,
  factor: given?.factor ?? defaults.factor,
  jitter: given?.jitter ?? defaults.jitter,
  mode: given?.mode ?? defaults.mode,
  fatal: given?.fatal,
});
