import { OnceInProgressError } from '../once.errors.js';
import type { InFlight, OnceRequest, RunParts } from './request.js';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;
/** What a refused caller is told at most: owners usually end long before their lease. */
const LONGEST_RETRY_AFTER_MS = 1000;

/** Asks until the key is decided, or `waitMs` are over; at once where the caller does not wait. Pauses double, with jitter. */
export async function untilDecided<R extends object>(
  { place, clock, count }: RunParts,
  { key, onInFlight, waitMs, signal }: OnceRequest<unknown>,
  ask: () => Promise<R | InFlight>,
): Promise<R> {
  const started = clock.monotonic();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const answer = await ask();
    if (!('inFlightMs' in answer)) return answer;
    const left = onInFlight === 'wait' ? waitMs - (clock.monotonic() - started) : 0;
    if (left <= 0) {
      count(['refused', 'in_progress']);
      const againMs = Math.min(Math.max(1, Math.ceil(answer.inFlightMs)), LONGEST_RETRY_AFTER_MS);
      throw new OnceInProgressError(place, key, againMs);
    }
    const drawn = pause * (0.5 + Math.random() / 2);
    await clock.sleep(Math.min(drawn, left, Math.max(1, answer.inFlightMs)), signal);
  }
}
