import { messageOf } from '../errors/message-of.js';

const POLL_MS = 10;

/**
 * Runs `fn` again and again until it neither throws nor rejects, and resolves with its value.
 * After `withinMs` (real time, default 5,000) it rejects with the last failure as its cause, also while `fn` hangs.
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  options: { readonly withinMs?: number } = {},
): Promise<T> {
  const withinMs = options.withinMs ?? 5000;
  const until = performance.now() + withinMs;
  let failure: unknown = new Error('it did not settle once');
  while (performance.now() < until) {
    const over = Promise.withResolvers<never>();
    const timer = setTimeout(() => over.reject(failure), until - performance.now());
    try {
      return await Promise.race([over.promise, new Promise<T>((resolve) => resolve(fn()))]);
    } catch (error) {
      failure = error;
    } finally {
      clearTimeout(timer);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`not within ${withinMs} ms: ${messageOf(failure)}`, { cause: failure });
}
