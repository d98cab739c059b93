import { setTimeout as sleep } from 'node:timers/promises';

export interface PollOptions {
  /** Give up after this long, in milliseconds. Default 10 000. */
  readonly deadlineMs?: number | undefined;
  /** Between two looks, in milliseconds. Default 5. */
  readonly everyMs?: number | undefined;
}

/**
 * Looks until `look` answers something other than `undefined` or `false`, and returns that.
 * Throws an Error saying `what` did not happen when the deadline passes; what `look` itself threw last is its cause.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: PollOptions = {},
): Promise<T> {
  const { deadlineMs = 10_000, everyMs = 5 } = options;
  const deadline = performance.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause });
    await sleep(everyMs);
  }
}
