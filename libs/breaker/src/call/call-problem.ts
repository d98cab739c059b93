import type { BreakerCallOptions } from '../breaker.provider.js';

/** What is wrong with how `execute` was called: the caller's mistake, which says nothing of what the breaker protects. */
export function callProblem(
  fn: unknown,
  options: BreakerCallOptions<unknown> | undefined,
): string | undefined {
  if (typeof fn !== 'function') return 'execute takes a function';
  const { timeoutMs, signal, fallback } = options ?? {};
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0))
    return `timeoutMs must be milliseconds ≥ 0, got ${String(timeoutMs)}`;
  if (signal !== undefined && !(signal instanceof AbortSignal)) return 'signal must be an AbortSignal';
  return fallback === undefined || typeof fallback === 'function' ? undefined : 'fallback must be a function';
}
