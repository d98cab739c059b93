import { describe, expect, it } from '@jest/globals';
import { createCache, defineScript } from '@infra-kit/cache';
import { InfraError } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';
import { faultyCache } from './fixtures/faulty-cache.js';

const HOUR = { ttlMs: 3_600_000 };

describe('a cache that closes while it loads', () => {
  it('gives its lease back, so that another process loads at once', async () => {
    const clock = new FakeClock(); // stands still: no lease ends by itself
    const driver = new MemoryCacheDriver({ maxEntries: 100, clock });
    const make = () => createCache({ driver }, { env: 'test', clock });
    const [closing, other] = await Promise.all([make(), make()]);
    const begun = Promise.withResolvers<void>();
    const never = (): Promise<never> => {
      begun.resolve();
      return Promise.withResolvers<never>().promise;
    };
    const cut = expect(closing.getOrSet('a', never, HOUR)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    await begun.promise;
    await closing.close();
    await cut;
    expect(await other.getOrSet('a', async () => 'loaded', { ...HOUR, timeoutMs: 5000 })).toBe('loaded');
    await other.close();
  });
});

describe('a server without memory for a lease', () => {
  const outOfMemory = new InfraError('RESOURCE_EXHAUSTED', 'OOM command not allowed');

  it.each([{ tags: [] }, { tags: ['t'] }])('lets getOrSet load all the same: %j', async ({ tags }) => {
    const { cache, faults } = await faultyCache();
    faults.fail(() => outOfMemory, ['run', 'set']);
    expect(await cache.getOrSet('a', async () => 'loaded', { ...HOUR, tags })).toBe('loaded');
  });

  it('does not make a loader run twice that throws the same code', async () => {
    const { cache } = await faultyCache();
    let loads = 0;
    const loader = async (): Promise<never> => {
      loads++;
      throw outOfMemory;
    };
    await expect(cache.getOrSet('a', loader, HOUR)).rejects.toBe(outOfMemory);
    expect(loads).toBe(1);
  });
});

describe('the error of a script', () => {
  it('names the script, and as a script', async () => {
    const { cache, faults } = await faultyCache();
    faults.fail(() => new Error('refused'), ['run']);
    const script = defineScript({ name: 'my-script', lua: 'return 1', twin: () => 1, decode: Number });
    await expect(cache.scripts.run(script, ['a'], [])).rejects.toThrow('(script "my-script")');
  });
});
