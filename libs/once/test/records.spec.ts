import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { faulty, type Faulty } from '@infra-kit/kernel/testing';
import { createOnce, type OnceProvider } from '@infra-kit/once';

/** Every step in the store. */
const SCRIPTS = ['scripts'] as const;

let cache: CacheProvider;
let faults: Faulty<CacheProvider>;
let once: OnceProvider;
beforeEach(async () => {
  cache = await createCache({ driver: 'memory' }, { env: 'test' });
  faults = faulty(cache, { parts: ['scripts'] });
  once = await createOnce({ storeTimeoutMs: 20 }, { env: 'test', cache: faults.driver });
  await once.do('k', async () => 1);
});
afterEach(async () => {
  faults.heal();
  await once.close();
  await cache.close();
});

describe('what is known of keys while the store is away', () => {
  it.each([
    ['get', () => once.get('k')],
    ['clear', () => once.clear('k')],
    ['clearByPrefix', () => once.clearByPrefix('')],
  ])('%s is refused as UNAVAILABLE, also when the store only hangs', async (name, ask) => {
    const refused = (): Error => new Error('refused');
    for (const fault of [() => faults.fail(refused, SCRIPTS), () => faults.hang(SCRIPTS)]) {
      fault();
      await expect(ask()).rejects.toMatchObject({
        name: 'OnceError',
        code: 'UNAVAILABLE',
        retryable: true,
        message: expect.stringContaining(`${name} has no answer: the store was not reached`),
      });
      faults.heal();
    }
  });

  it('the limit of the caller is told as its own', async () => {
    faults.hang(SCRIPTS);
    const signal = AbortSignal.abort();
    await expect(once.get('k', { signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(once.get('k', { timeoutMs: 5 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
