import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheDriver, type CacheOptions, type CacheProvider } from '@infra-kit/cache';
import { cacheDriverSuite } from '@infra-kit/cache/testing';
import { FakeClock } from '@infra-kit/kernel/testing';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';

const clock = new FakeClock();
const open = (): CacheDriver => new MemoryCacheDriver({ maxEntries: 100_000, clock });
const passTime = (ms: number): Promise<void> => clock.advance(ms);

cacheDriverSuite({ describe, it }, { name: 'memory', open, clock, passTime });

cacheDriverSuite(
  { describe, it },
  {
    name: 'a driver that keeps plain values alone',
    open: () =>
      Object.assign(open(), {
        capabilities: { scan: false, scripts: false },
        hashes: undefined,
        sets: undefined,
        sortedSets: undefined,
      }),
    clock,
    passTime,
  },
);

async function memoryCache(options: CacheOptions = {}): Promise<{ cache: CacheProvider; clock: FakeClock }> {
  const own = new FakeClock();
  return {
    cache: await createCache({ driver: 'memory', ...options }, { clock: own, env: 'test' }),
    clock: own,
  };
}

describe('the memory driver', () => {
  it('holds at most maxEntries and lets the least recently used go', async () => {
    const { cache } = await memoryCache({ maxEntries: 3 });
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    await cache.get('a');
    await cache.set('d', 4);
    expect(await cache.getMany(['a', 'b', 'c', 'd'])).toEqual([1, undefined, 3, 4]);
    await cache.set('c', 5);
    await cache.set('e', 6);
    expect(await cache.exists('a', 'b')).toBe(0);
    expect(await cache.exists('c', 'd', 'e')).toBe(3);
  });

  it('counts entries that scripts and counters make', async () => {
    const { cache } = await memoryCache({ maxEntries: 2 });
    for (const key of ['a', 'b', 'c']) await cache.increment(key);
    expect(await cache.exists('a', 'b', 'c')).toBe(2);
  });

  it('keeps no timer for a key', async () => {
    const { cache, clock: own } = await memoryCache();
    for (let index = 0; index < 1000; index++) await cache.set(`k${index}`, index, { ttlMs: 1000 });
    expect(own.pending).toBe(0);
  });

  it('expires to the millisecond, by time that passes and not by steps of the wall clock', async () => {
    const { cache, clock: own } = await memoryCache();
    await cache.set('a', 1, { ttlMs: 1000 });
    own.step(3_600_000);
    await own.advance(999);
    expect(await cache.get('a')).toBe(1);
    expect(await cache.ttlMs('a')).toBe(1);
    own.step(-7_200_000);
    await own.advance(1);
    expect(await cache.get('a')).toBeUndefined();
  });

  it('shares no bytes with its callers', async () => {
    const { cache } = await memoryCache({ codec: 'raw' });
    const mine = Buffer.from('abc');
    await cache.set('a', mine);
    mine[0] = 0x78;
    const read = await cache.get<Buffer>('a');
    expect(String(read)).toBe('abc');
    read?.fill(0);
    expect(String(await cache.get('a'))).toBe('abc');
  });

  it('does not let a script touch keys it was not given, nor set a ttl that Redis would refuse', () => {
    const store = open();
    const call = { signal: new AbortController().signal };
    const script = (
      twin: (view: Parameters<typeof touch>[0]) => null,
    ): Parameters<CacheDriver['run']>[0] => ({
      name: 'test',
      lua: '',
      sha: '',
      twin: (view) => twin(view),
      decode: (reply) => reply,
    });
    const touch = (view: { get: (key: string) => unknown }): null => (view.get('other'), null);
    return Promise.all([
      expect(store.run(script(touch), ['mine'], [], call)).rejects.toThrow(/keys it was given/),
      ...[0, 1.5].map((ttlMs) =>
        expect(
          store.run(
            { ...script(touch), twin: (view) => (view.set('mine', '1', { ttlMs }), null) },
            ['mine'],
            [],
            call,
          ),
        ).rejects.toThrow(/whole milliseconds/),
      ),
    ]);
  });

  it('is two stores in two caches', async () => {
    const [{ cache: one }, { cache: two }] = [await memoryCache(), await memoryCache()];
    await one.set('a', 1);
    expect(await two.get('a')).toBeUndefined();
  });
});
