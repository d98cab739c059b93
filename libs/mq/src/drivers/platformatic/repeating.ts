import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient, kafkaErrorOf, telling } from './platformatic.errors.js';

const PAUSE_MS = 100;
/** A connection that broke is made anew once or twice; a server that is away is not waited for. */
const UNANSWERED_TRIES = 3;

/**
 * Runs a request, and again while the server answers that it cannot yet (an election, a coordinator that loads), until
 * nobody waits any more. Without an answer three times, so that servers that are away are noticed at once.
 */
export async function repeating<T>(signal: AbortSignal, request: () => Promise<T>): Promise<T> {
  for (let unanswered = 1; ;) {
    signal.throwIfAborted();
    try {
      return await request();
    } catch (error) {
      if (!isTransient(error)) throw telling(error);
      if (kafkaErrorOf(error) === undefined && unanswered++ >= UNANSWERED_TRIES) throw telling(error);
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }
}
