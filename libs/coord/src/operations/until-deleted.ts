import type { WatchSignal } from '../drivers/coord-driver.js';
import type { CoordEngine } from './coord-engine.js';

const wasDeleted = (told: WatchSignal): boolean =>
  told.type === 'compacted' || (told.type === 'changes' && told.events.some(({ type }) => type === 'delete'));

/**
 * Resolves when `key` was deleted at `fromRevision` or later, or when that may have been missed by compaction.
 * Rejects with the signal's reason, or when the store refuses the watch.
 */
export async function untilDeleted(
  { driver, runner }: Pick<CoordEngine, 'driver' | 'runner'>,
  key: string,
  fromRevision: bigint,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const over = Promise.withResolvers<void>();
  const aborted = (): void => over.reject(signal.reason);
  signal.addEventListener('abort', aborted, { once: true });
  const watch = driver.watch({ key }, fromRevision, (told) => {
    if (told.type === 'failed') over.reject(runner.wrap('watch', told.error));
    if (wasDeleted(told)) over.resolve();
  });
  try {
    await over.promise;
  } finally {
    signal.removeEventListener('abort', aborted);
    watch[Symbol.dispose]();
  }
}
