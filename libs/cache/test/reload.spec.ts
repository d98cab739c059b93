import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheOptions, type CacheProvider } from '@infra-kit/cache';
import { ReloadRegistry, type ConfigOutcome } from '@infra-kit/kernel';
import { FakeClock, RecordingLogger } from '@infra-kit/kernel/testing';
import { faultyCache, systemError } from './fixtures/faulty-cache.js';

function registry(): ReloadRegistry {
  return new ReloadRegistry({ logger: new RecordingLogger(), clock: new FakeClock() });
}

async function reloadable(options: CacheOptions): Promise<{
  cache: CacheProvider;
  reload: ReloadRegistry;
  offer: (value: unknown) => Promise<ConfigOutcome>;
}> {
  const reload = registry();
  const cache = await createCache(options, { reload, env: 'test' });
  let revision = 0n;
  return {
    cache,
    reload,
    offer: (value) => reload.offer('cache', 'default', { revision: ++revision, value }),
  };
}

describe('a cache that gets a new configuration', () => {
  it('takes defaultTtlMs at once, and goes back when the document no longer names it', async () => {
    const { cache, offer } = await reloadable({ driver: 'memory' });
    expect(await offer({ defaultTtlMs: '5s' })).toMatchObject({ status: 'applied', restartRequired: [] });
    await cache.set('a', 1);
    expect(await cache.ttlMs('a')).toBeLessThanOrEqual(5000);
    await offer({});
    await cache.set('a', 1);
    expect(await cache.ttlMs('a')).toBe(Infinity);
  });

  it('takes maxEntries at once', async () => {
    const { cache, offer } = await reloadable({ driver: 'memory' });
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    expect(await offer({ maxEntries: 1 })).toMatchObject({ status: 'applied', restartRequired: [] });
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, 3]);
  });

  it('takes commandTimeoutMs at once', async () => {
    const reload = registry();
    const { cache, faults } = await faultyCache({ commandTimeoutMs: 60_000 }, { reload });
    const outcome = await reload.offer('cache', 'default', { revision: 1n, value: { commandTimeoutMs: 10 } });
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: [] });
    faults.hang();
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('takes maxRetries and maxFallbackLoads at once', async () => {
    const reload = registry();
    const { cache, faults, turn } = await faultyCache({}, { reload });
    const value = { maxRetries: 0, maxFallbackLoads: 1 };
    const outcome = await reload.offer('cache', 'default', { revision: 1n, value });
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: [] });
    faults.fail(() => systemError('ECONNRESET'));
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(faults.calls.get('get')).toBe(1);
    turn('down');
    const never = (): Promise<never> => new Promise(() => undefined);
    const calls = Array.from({ length: 12 }, (_, key) =>
      cache.getOrSet(`k${key}`, never, { ttlMs: 1, timeoutMs: 50 }),
    );
    const codes = (await Promise.allSettled(calls)).map(
      (each) => each.status === 'rejected' && each.reason.code,
    );
    expect(codes.filter((code) => code === 'RESOURCE_EXHAUSTED')).toHaveLength(1);
  });

  it('says restart required for what is structural, and does nothing else about it', async () => {
    const { cache, offer } = await reloadable({ driver: 'memory', keyPrefix: 'one:' });
    await cache.set('a', 1);
    const outcome = await offer({
      keyPrefix: 'two:',
      driver: 'redis',
      url: 'redis://elsewhere',
      defaultTtlMs: 5000,
    });
    expect(outcome.status).toBe('applied');
    expect(new Set(outcome.restartRequired)).toEqual(new Set(['keyPrefix', 'driver', 'url']));
    expect(await cache.get('a')).toBe(1);
    await cache.set('b', 1);
    expect(await cache.ttlMs('b')).toBeLessThanOrEqual(5000);
  });

  it.each([{ defaultTtlMs: -1 }, { bogus: true }, { defaultTtlMs: null }, null, 'text', []])(
    'refuses %j and keeps the last good one',
    async (bad) => {
      const { cache, offer } = await reloadable({ driver: 'memory' });
      await offer({ defaultTtlMs: 5000 });
      const outcome = await offer(bad);
      expect(outcome.status).toBe('refused');
      expect(outcome.errors).not.toHaveLength(0);
      await cache.set('a', 1);
      expect(await cache.ttlMs('a')).toBeLessThanOrEqual(5000);
    },
  );

  it('follows by its instance name, and no longer after close', async () => {
    const reload = registry();
    const cache = await createCache({ driver: 'memory' }, { reload, name: 'sessions', env: 'test' });
    expect(reload.status()).toMatchObject([{ component: 'cache', instance: 'sessions' }]);
    await cache.close();
    expect(reload.status()).toEqual([]);
  });
});
