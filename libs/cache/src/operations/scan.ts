import type { CallOptions } from '@infra-kit/kernel';
import { unimplemented } from '../cache.errors.js';
import type { CacheEngine } from './cache-engine.js';
import { isOwnKey } from './key-space.js';
import { checkOptions } from './write-options.js';

/** Full keys under a full prefix, as the store's pages come. `timeoutMs` limits the whole, `commandTimeoutMs` each page. */
export async function* scanPages(
  { place, driver, runner }: Pick<CacheEngine, 'place' | 'driver' | 'runner'>,
  fullPrefix: string,
  options: CallOptions | undefined,
): AsyncGenerator<readonly string[]> {
  checkOptions(place, options);
  if (!driver.capabilities.scan) throw unimplemented(place, 'scan', driver.kind);
  const started = performance.now();
  let cursor: string | undefined;
  do {
    const from = cursor;
    const page = await runner.run('scan', leftOf(options, started), (call) =>
      driver.scanPage(fullPrefix, from, call),
    );
    const keys = page.keys.some(isOwnKey) ? page.keys.filter((key) => !isOwnKey(key)) : page.keys;
    if (keys.length > 0) yield keys;
    cursor = page.next;
  } while (cursor !== undefined);
}

function leftOf(options: CallOptions | undefined, started: number): CallOptions | undefined {
  if (options?.timeoutMs === undefined || !(options.timeoutMs >= 0)) return options;
  return {
    signal: options.signal,
    timeoutMs: Math.max(0, options.timeoutMs - (performance.now() - started)),
  };
}
