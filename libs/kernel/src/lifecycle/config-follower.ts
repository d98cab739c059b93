import type { Clock } from '../ports/clock.js';
import type { ConfigDocument, ConfigOutcome, ConfigSource } from '../ports/config-source.js';
import type { Logger } from '../ports/logger.js';

export interface Following {
  readonly source: ConfigSource;
  readonly path: string;
  /** Who reports: this process's instance. */
  readonly by: string;
  /** Undefined for a document that is none for the component, being no newer than the last. */
  readonly offer: (document: ConfigDocument) => Promise<ConfigOutcome | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;

/**
 * Offers every document of a path and writes back what became of it, until `signal` aborts; never rejects.
 * A watch that fails or ends is begun again with back-off. Outcomes are written in order, beside the watch,
 * which goes on while that fails; a newer outcome takes the place of one that could not be written.
 */
export async function followConfig(following: Following): Promise<void> {
  const { source, path, by, offer, signal } = following;
  let newest: ConfigOutcome | undefined;
  let written = Promise.resolve();

  const writeBack = (outcome: ConfigOutcome): Promise<void> =>
    insist(following, async () => {
      if (outcome === newest) await source.report?.(path, by, outcome);
      return true;
    });

  await insist(following, async (settled) => {
    for await (const document of source.watch(path, signal)) {
      settled();
      const outcome = await offer(document);
      if (outcome === undefined) continue;
      if (outcome.status === 'applied') await source.keep?.(document);
      newest = outcome;
      written = written.then(() => writeBack(outcome));
    }
    return false;
  });
}

/** Does `work` again and again, with back-off, until it resolves with true; `settled` sets the back-off back. */
async function insist(
  { path, clock, logger, signal }: Following,
  work: (settled: () => void) => Promise<boolean>,
): Promise<void> {
  let pauseMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    try {
      const done = await work(() => {
        pauseMs = RETRY_FIRST_MS;
      });
      if (done) return;
    } catch (error) {
      if (!signal.aborted) logger.warn('configuration source in trouble, asking again', { path, err: error });
    }
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
  }
}
