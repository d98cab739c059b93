import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CACHE_METRICS,
  createCache,
  defineScript,
  type CacheOptions,
  type CacheProvider,
} from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { eventually, recordMetrics } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { kept, NEAR } from './fixtures/near-bench.js';

const HOUR = { ttlMs: 3_600_000 };
const open: CacheProvider[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((cache) => cache.close()))));

async function connect(options: CacheOptions = {}, env = 'test'): Promise<CacheProvider> {
  const cache = await createCache({ ...PATIENT, url: sharedRedis().url, near: NEAR, ...options }, { env });
  open.push(cache);
  return cache;
}

/** One cache with a near cache, and another process' view of the same keys. */
async function pair(options: CacheOptions = {}): Promise<{ cache: CacheProvider; other: CacheProvider }> {
  const keyPrefix = uniquePrefix('near');
  return {
    cache: await connect({ keyPrefix, ...options }),
    other: await connect({ keyPrefix, near: undefined }),
  };
}

const bump = defineScript({
  name: 'bump',
  lua: `redis.call('SET', KEYS[1], ARGV[1]) return 1`,
  twin: (view, [key = ''], [value = '']) => (view.set(key, value), 1),
  decode: Number,
});

describe('a hit', () => {
  it('of get, getMany and getOrSet is one value, shared by all readers', async () => {
    const { cache, other } = await pair();
    await other.set('a', { n: 1 }, HOUR);
    const value = await kept(cache, 'a');
    expect(await cache.get('a')).toBe(value);
    expect((await cache.getMany(['x', 'a', 'a']))[1]).toBe(value);
    const loader = (): Promise<object> => Promise.reject(new Error('asked the source'));
    expect(await cache.getOrSet('a', loader, HOUR)).toBe(value);
  });

  it('is frozen through and through in development and test', async () => {
    const { cache, other } = await pair();
    await other.set('a', { list: [{ n: 1 }] });
    const value = (await kept(cache, 'a')) as { list: { n: number }[] };
    expect(() => value.list.push({ n: 2 })).toThrow(TypeError);
    expect(() => Object.assign(value.list[0] ?? {}, { n: 2 })).toThrow(TypeError);
  });

  it('is not frozen in production (control)', async () => {
    const keyPrefix = uniquePrefix('near');
    const cache = await connect({ keyPrefix }, 'production');
    await cache.set('a', { n: 1 });
    expect(Object.isFrozen(await kept(cache, 'a'))).toBe(false);
  });

  it('is a copy of its own with near.clone', async () => {
    const { cache, other } = await pair({ near: { ...NEAR, clone: true } });
    await other.set('a', { list: [1] });
    await eventually(async () => {
      await cache.get('a');
      expect(await cache.health()).toMatchObject({ detail: { near: { entries: 1 } } });
    });
    const mine = await cache.get<{ list: number[] }>('a');
    mine?.list.push(2);
    expect(await cache.get('a')).toEqual({ list: [1] });
    expect(await cache.getOrSet('a', async () => ({ list: [] }), HOUR)).toEqual({ list: [1] });
  });

  it('keeps null, bytes and the values of every codec', async () => {
    const { cache } = await pair();
    await cache.set('null', null);
    expect([await cache.get('null'), await cache.get('null'), await cache.get('null')]).toEqual([
      null,
      null,
      null,
    ]);
    const { cache: raw } = await pair({ codec: 'raw' });
    await raw.set('a', Buffer.from([0, 255]));
    for (let turn = 0; turn < 3; turn++) expect(await raw.get('a')).toEqual(Buffer.from([0, 255]));
    const { cache: packed } = await pair({ codec: 'msgpack' });
    await packed.set('a', { at: new Date(0), bytes: new Uint8Array([1, 2]) });
    for (let turn = 0; turn < 3; turn++)
      expect(await packed.get('a')).toEqual({ at: new Date(0), bytes: new Uint8Array([1, 2]) });
  });

  it('does not answer a call that had ended before it began', async () => {
    const { cache, other } = await pair();
    await other.set('a', { n: 1 });
    await kept(cache, 'a');
    const signal = AbortSignal.abort();
    await expect(cache.get('a', { signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(cache.getMany(['a'], { signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(cache.getOrSet('a', async () => 1, { ...HOUR, timeoutMs: 0 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });

  it('of getOrSet by what it has asked itself checks its arguments all the same', async () => {
    const { cache } = await pair({ keyPrefix: uniquePrefix('near-args') });
    const loader = async (): Promise<object> => ({ n: 1 });
    const hit = async (): Promise<boolean> =>
      (await cache.getOrSet('a', loader, HOUR)) === (await cache.getOrSet('a', loader, HOUR));
    await eventually(async () => expect(await hit()).toBe(true));
    for (const bad of [
      { ttlMs: 0 },
      { ttlMs: 2 ** 60 },
      { ...HOUR, staleMs: -1 },
      { ...HOUR, beta: Number.NaN },
      { ...HOUR, negativeTtlMs: 0 },
      { ...HOUR, loadLeaseMs: '5' as never },
      { ...HOUR, tags: [''] },
      { ...HOUR, signal: 'text' as never },
      undefined as never,
    ])
      await expect(cache.getOrSet('a', loader, bad)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(cache.getOrSet('a', 'none' as never, HOUR)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await cache.close();
    await expect(cache.getOrSet('a', loader, HOUR)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('is none in a cache or name space that is closed', async () => {
    const { cache, other } = await pair();
    await other.set('n:a', { n: 1 });
    const view = cache.namespace('n:');
    await kept(view, 'a');
    await kept(cache, 'n:a');
    await view.close();
    await expect(view.get('a')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await cache.close();
    await expect(cache.get('n:a')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('is counted, as are misses and invalidations', async () => {
    using metrics = recordMetrics();
    const { cache, other } = await pair();
    await other.set('a', { n: 1 });
    await kept(cache, 'a');
    const before = metrics.sum(CACHE_METRICS.nearReads, { result: 'miss' });
    expect(before).toBeGreaterThan(0);
    for (let turn = 0; turn < 10; turn++) await cache.get('a');
    await cache.get('nothing');
    await eventually(() =>
      expect(metrics.sum(CACHE_METRICS.nearReads, { result: 'hit' })).toBeGreaterThanOrEqual(11),
    );
    expect(metrics.sum(CACHE_METRICS.nearReads, { result: 'miss' })).toBe(before + 1);
    expect(metrics.sum(CACHE_METRICS.reads, { result: 'hit' })).toBeGreaterThanOrEqual(11);
    await other.set('a', 2);
    await eventually(() => expect(metrics.sum(CACHE_METRICS.nearInvalidations)).toBeGreaterThan(0));
  });
});

describe('a write of another process', () => {
  it.each<[string, (other: CacheProvider) => Promise<unknown>, unknown]>([
    ['set', (other) => other.set('a', 7), 7],
    ['a script', (other) => other.scripts.run(bump, ['a'], [7]), 7],
    ['delete', (other) => other.delete('a'), undefined],
    ['deleteByPrefix', (other) => other.deleteByPrefix(''), undefined],
    ['expire', (other) => other.expire('a', 1), undefined],
  ])('arrives: %s', async (_name, write, expected) => {
    const { cache, other } = await pair();
    await other.set('a', { n: 1 }, HOUR);
    await kept(cache, 'a');
    await write(other);
    await eventually(async () => expect(await cache.get('a')).toEqual(expected));
  });

  it('arrives in every name space, and leaves the others', async () => {
    const { cache, other } = await pair();
    const [one, two] = [cache.namespace('one:'), cache.namespace('two:')];
    await other.setMany([
      ['one:a', { n: 1 }],
      ['two:a', { n: 2 }],
    ]);
    const [, beside] = [await kept(one, 'a'), await kept(two, 'a')];
    expect(await cache.get('one:a')).toEqual({ n: 1 });
    await other.set('one:a', { n: 3 });
    for (const read of [() => one.get('a'), () => cache.get('one:a')])
      await eventually(async () => expect(await read()).toEqual({ n: 3 }));
    expect(await two.get('a')).toBe(beside);
  });
});

describe('an entry with tags', () => {
  it('is kept with the versions of its tags, and is a miss at once when this process invalidates one', async () => {
    const { cache, other } = await pair();
    await other.set('a', { n: 1 }, { ...HOUR, tags: ['t', 'u'] });
    const value = await kept(cache, 'a');
    const loader = (): Promise<object> => Promise.reject(new Error('asked the source'));
    expect(await cache.getOrSet('a', loader, { ...HOUR, tags: ['t', 'u'] })).toBe(value);
    await cache.invalidateTags('u');
    expect(await cache.get('a')).toBeUndefined();
  });

  it('is a miss when another process invalidates one, also once the tag is in use again', async () => {
    const { cache, other } = await pair();
    await other.set('a', { n: 1 }, { ...HOUR, tags: ['t'] });
    await other.set('b', { n: 2 }, { ...HOUR, tags: ['other'] });
    await kept(cache, 'a');
    const beside = await kept(cache, 'b');
    await other.invalidateTags('t');
    await eventually(async () => expect(await cache.get('a')).toBeUndefined());
    await other.set('c', { n: 3 }, { ...HOUR, tags: ['t'] });
    await kept(cache, 'c');
    expect(await cache.get('a')).toBeUndefined();
    expect(await cache.get('b')).toBe(beside);
  });
});

describe('an entry that gets stale before it ends', () => {
  it('is kept while it is fresh, and read from the store once it is stale', async () => {
    const { cache } = await pair();
    const fresh = { ttlMs: 3_600_000, staleMs: 60_000, beta: 0 };
    await cache.getOrSet('a', async () => ({ n: 1 }), fresh);
    await kept(cache, 'a');
    const short = { ttlMs: 200, staleMs: 3_600_000, beta: 0 };
    await cache.getOrSet('b', async () => ({ n: 1 }), short);
    // near.ttlMs is far away, and the entry lives for an hour
    await eventually(async () => expect(await cache.get('b')).toBeUndefined());
    let loads = 0;
    const refresh = async (): Promise<object> => ({ n: 2, loads: ++loads });
    await eventually(async () => expect(await cache.getOrSet('b', refresh, short)).toMatchObject({ n: 2 }));
    expect(loads).toBeGreaterThan(0);
  });
});

describe('the near cache', () => {
  it('holds at most maxEntries', async () => {
    const { cache, other } = await pair({ near: { maxEntries: 10, ttlMs: 60_000 } });
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    await other.setMany(keys.map((key) => [key, 1]));
    await cache.getMany(keys);
    await eventually(async () => {
      await cache.getMany(keys);
      expect(await cache.health()).toMatchObject({ detail: { near: { entries: 10, tracking: 'up' } } });
    });
  });

  it('asks again after near.ttlMs, though nothing has changed', async () => {
    const { cache, other } = await pair({ near: { maxEntries: 10, ttlMs: 30 } });
    await other.set('a', { n: 1 });
    const first = await kept(cache, 'a');
    await eventually(async () => expect(await cache.get('a')).not.toBe(first));
  });

  it('keeps nothing of an entry of another kind, which get still refuses', async () => {
    const { cache } = await pair();
    await cache.hashes.set('h', 'f', 1);
    await expect(cache.get('h')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});
