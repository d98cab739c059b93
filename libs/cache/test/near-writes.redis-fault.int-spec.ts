import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { defineScript, type CacheProvider } from '@infra-kit/cache';
import { launchRedis, until, type RunningServer } from '@infra-kit/testkit';
import { INVALIDATIONS, kept, NEAR, nearBench, type NearBench } from './fixtures/near-bench.js';

/** So rarely asked that an invalidation which does not come is not missed. */
const DEAF = { near: { ...NEAR, pingMs: 600_000 } };
const HOUR = { ttlMs: 3_600_000 };

let server: RunningServer;
let raw: Redis;
beforeAll(async () => {
  server = await launchRedis();
  raw = new Redis(server.url);
});
afterEach(async () => void (await raw.flushall()));
afterAll(async () => {
  raw.disconnect();
  await server.stop();
});

const seven = defineScript({
  name: 'seven',
  lua: `redis.call('SET', KEYS[1], ARGV[1]) return 1`,
  twin: (view, [key = ''], [value = '']) => (view.set(key, value), 1),
  decode: Number,
});

/** A cache that keeps `a` and whose invalidations are held back: what it sees from now on it knows by itself. */
async function keeping(bench: NearBench): Promise<CacheProvider> {
  await raw.set('a', JSON.stringify({ n: 1 }));
  await kept(bench.cache, 'a');
  bench.proxy.shut(INVALIDATIONS);
  return bench.cache;
}

describe('a write of this process is visible at once, before its invalidation arrives', () => {
  it.each<[string, (cache: CacheProvider) => Promise<unknown>, unknown]>([
    ['set', (cache) => cache.set('a', 7), 7],
    ['set ifPresent', (cache) => cache.set('a', 7, { ifPresent: true }), 7],
    ['getAndSet', (cache) => cache.getAndSet('a', 7), 7],
    ['setMany', (cache) => cache.setMany([['a', 7]]), 7],
    ['a script', (cache) => cache.scripts.run(seven, ['a'], [7]), 7],
    ['delete', (cache) => cache.delete('a'), undefined],
    ['deleteByPrefix', (cache) => cache.deleteByPrefix(''), undefined],
    ['through a name space', (cache) => cache.namespace('').set('a', 7), 7],
  ])('%s', async (_name, write, expected) => {
    await using bench = await nearBench(server, DEAF);
    const cache = await keeping(bench);
    await write(cache);
    expect(await cache.get('a')).toEqual(expected);
  });

  it('awaited or not', async () => {
    await using bench = await nearBench(server, DEAF);
    const cache = await keeping(bench);
    const writing = cache.set('a', 7);
    expect(await cache.get('a')).toBe(7);
    await writing;
  });

  it('expire', async () => {
    await using bench = await nearBench(server, DEAF);
    const cache = await keeping(bench);
    await cache.expire('a', 1);
    await until('it has expired', async () => (await raw.exists('a')) === 0);
    expect(await cache.get('a')).toBeUndefined();
  });

  it('increment, which is always asked of the server', async () => {
    await using bench = await nearBench(server, DEAF);
    const { cache, proxy } = bench;
    await raw.set('n', '1');
    for (let turn = 0; turn < 3; turn++) await cache.get('n');
    proxy.shut(INVALIDATIONS);
    await raw.incrby('n', 10);
    expect(await cache.increment('n')).toBe(12);
    expect(await cache.get('n')).toBe(12);
  });

  it('a load that is stored', async () => {
    await using bench = await nearBench(server, DEAF);
    const cache = await keeping(bench);
    await raw.del('a');
    expect(await cache.get('a')).toEqual({ n: 1 });
    await cache.delete('a');
    expect(await cache.getOrSet('a', async () => ({ n: 7 }), HOUR)).toEqual({ n: 7 });
    expect(await cache.get('a')).toEqual({ n: 7 });
  });

  it('not so a write of another, which nobody tells of meanwhile (control)', async () => {
    await using bench = await nearBench(server, DEAF);
    const cache = await keeping(bench);
    await raw.set('a', '7');
    expect(await cache.get('a')).toEqual({ n: 1 });
  });
});

describe('a write of this process that is slower than a read beside it', () => {
  /** Sends by the connection that writes of `a` travel on, or by the one they do not. */
  async function connections({ cache, proxy }: NearBench): Promise<{ writes: number; reads: number }> {
    const before = proxy.sent(0);
    await cache.set('a', { n: 1 });
    return proxy.sent(0) > before ? { writes: 0, reads: 1 } : { writes: 1, reads: 0 };
  }

  it('is visible when it has ended, although the read brought the old value after it had begun', async () => {
    await using bench = await nearBench(server, { ...DEAF, poolSize: 2 });
    const { cache, proxy } = bench;
    const { writes, reads } = await connections(bench);
    proxy.shut(2);
    // reads take turns: the next one shall go beside the write
    for (let before = proxy.sent(writes); proxy.sent(writes) === before;) await cache.get('nothing');
    proxy.shut(writes, 'up');
    const writing = cache.set('a', { n: 7 });
    await until('the write is held', () => proxy.held(writes, 'up') > 0);
    const sent = proxy.sent(reads);
    expect(await cache.get('a')).toEqual({ n: 1 });
    expect(proxy.sent(reads)).toBeGreaterThan(sent);
    proxy.open(writes, 'up');
    await writing;
    expect(await cache.get('a')).toEqual({ n: 7 });
  });
});
