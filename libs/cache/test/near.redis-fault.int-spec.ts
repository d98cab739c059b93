import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { CACHE_METRICS, createCache, type CacheProvider } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { eventually, recordMetrics } from '@infra-kit/kernel/testing';
import { launchRedis, until, type RunningServer } from '@infra-kit/testkit';
import { INVALIDATIONS, kept, NEAR, nearBench, VALUES, type NearBench } from './fixtures/near-bench.js';
import { sentinel } from './fixtures/sentinel.js';

const HOUR = { ttlMs: 3_600_000 };

let server: RunningServer;
let raw: Redis;
beforeAll(async () => {
  server = await launchRedis({ args: ['--enable-debug-command', 'yes'] });
  raw = new Redis(server.url);
  raw.on('error', () => undefined);
});
afterEach(async () => void (await raw.flushall()));
afterAll(async () => {
  raw.disconnect();
  await server.stop();
});

/** As another process writes. */
const put = (key: string, n: number): Promise<unknown> => raw.set(key, JSON.stringify({ n }));

describe('an invalidation that overtakes the value it belongs to', () => {
  /** A read whose answer is on its way while the key is written and the invalidation arrives. */
  async function overtaken(
    { cache, proxy, heard }: NearBench,
    read: (cache: CacheProvider) => Promise<unknown>,
  ): Promise<unknown> {
    await put('a', 1);
    await until('the first write is told', () => heard.changed.includes('a'));
    heard.changed.length = 0;
    proxy.shut(VALUES);
    const reading = read(cache);
    await until('the answer is on its way', () => proxy.held(VALUES) > 0);
    await put('a', 2);
    await until('the invalidation is there', () => heard.changed.includes('a'));
    proxy.open(VALUES);
    return reading;
  }

  it.each<[string, (cache: CacheProvider) => Promise<unknown>]>([
    ['get', (cache) => cache.get('a')],
    ['getMany', async (cache) => (await cache.getMany(['b', 'a']))[1]],
    ['getOrSet', (cache) => cache.getOrSet('a', async () => ({ n: 0 }), HOUR)],
  ])('wins: %s', async (_name, read) => {
    await using bench = await nearBench(server);
    // it was read before it was written; what is kept of it is another matter
    expect(await overtaken(bench, read)).toEqual({ n: 1 });
    expect(await bench.cache.get('a')).toEqual({ n: 2 });
  });

  it('would lose if it were not heeded (control)', async () => {
    await using bench = await nearBench(server, {}, () => ({ changed: () => undefined }));
    await overtaken(bench, (cache) => cache.get('a'));
    expect(await bench.cache.get('a')).toEqual({ n: 1 });
  });
});

describe('the connection that brings invalidations', () => {
  it('decides how long a value is kept: until the invalidation arrives', async () => {
    await using bench = await nearBench(server, { near: { ...NEAR, pingMs: 60_000 } });
    await put('a', 1);
    await kept(bench.cache, 'a');
    bench.proxy.shut(INVALIDATIONS);
    await put('a', 2);
    await until('the invalidation is on its way', () => bench.proxy.held(INVALIDATIONS) > 0);
    expect(await bench.cache.get('a')).toEqual({ n: 1 });
    bench.proxy.open(INVALIDATIONS);
    await eventually(async () => expect(await bench.cache.get('a')).toEqual({ n: 2 }));
  });

  it('empties the near cache when it is cut', async () => {
    using metrics = recordMetrics();
    await using bench = await nearBench(server);
    await put('a', 1);
    await kept(bench.cache, 'a');
    bench.proxy.cut(INVALIDATIONS);
    await put('a', 2);
    await until('the loss is known', () => bench.heard.down.length > 0);
    expect(await bench.cache.get('a')).toEqual({ n: 2 });
    expect(metrics.sum(CACHE_METRICS.nearEmptied, { reason: 'lost' })).toBe(1);
    await until('it is back', () => bench.heard.up === 2);
    await kept(bench.cache, 'a');
    await put('a', 3);
    await eventually(async () => expect(await bench.cache.get('a')).toEqual({ n: 3 }));
  });

  it('would leave the old value there if nobody heeded the loss (control)', async () => {
    let ups = 0;
    await using bench = await nearBench(server, { near: { ...NEAR, pingMs: 60_000 } }, (events) => ({
      down: () => undefined,
      up: (at) => (ups++ === 0 ? events.up(at) : undefined),
    }));
    await put('a', 1);
    await kept(bench.cache, 'a');
    bench.proxy.cut(INVALIDATIONS);
    await put('a', 2);
    await until('it is back', () => bench.heard.up === 2);
    expect(await bench.cache.get('a')).toEqual({ n: 1 });
  });

  it('empties it when it answers no ping any more', async () => {
    using metrics = recordMetrics();
    await using bench = await nearBench(server, { near: { ...NEAR, pingMs: 100 } });
    await using control = await nearBench(server, { near: { ...NEAR, pingMs: 600_000 } });
    await put('a', 1);
    for (const { cache } of [bench, control]) await kept(cache, 'a');
    for (const { proxy } of [bench, control]) proxy.shut(INVALIDATIONS);
    await put('a', 2);
    await until('the silence is known', () => bench.heard.down.includes('silent'));
    expect(await bench.cache.get('a')).toEqual({ n: 2 });
    expect(metrics.sum(CACHE_METRICS.nearEmptied, { reason: 'silent' })).toBe(1);
    expect(await control.cache.get('a')).toEqual({ n: 1 });
    await until('a fresh one is there', () => bench.heard.up === 2);
    await kept(bench.cache, 'a');
  });

  it('is one, however many connections read, and hears of what each of them has read', async () => {
    await using bench = await nearBench(server, { poolSize: 3 });
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
    for (const key of keys) await put(key, 1);
    for (const key of keys) await kept(bench.cache, key);
    for (const key of keys) await put(key, 2);
    for (const key of keys)
      await eventually(async () => expect(await bench.cache.get(key)).toEqual({ n: 2 }));
    expect(bench.proxy.connections).toBe(4);
  });

  it('is told of nothing but the keys under the prefix', async () => {
    await using bench = await nearBench(server, { keyPrefix: 'mine:' });
    await put('other:a', 1);
    await put('mine:a', 1);
    await until('a change is told', () => bench.heard.changed.length > 0);
    expect(bench.heard.changed).toEqual(['mine:a']);
  });

  it('that may not be opened fails the start, and nothing stays open', async () => {
    await raw.call('ACL', 'SETUSER', 'limited', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking');
    const url = `redis://limited:pw@${server.host}:${server.port}`;
    await expect(createCache({ url, near: NEAR }, { env: 'test' })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringMatching(/^cache: cannot start, .*tracking/),
    });
    await until('nothing is open', async () => !String(await raw.client('LIST')).includes('infra-kit'));
  });

  it('ends with the cache', async () => {
    const cache = await createCache({ url: server.url, near: NEAR }, { env: 'test' });
    expect(String(await raw.client('LIST'))).toContain('name=infra-kit:cache:near');
    await cache.close();
    await until('nothing is open', async () => !String(await raw.client('LIST')).includes('infra-kit'));
  });
});

describe('a near cache', () => {
  it('is emptied when a connection that reads was made anew, and listens anew, where that leads', async () => {
    using metrics = recordMetrics();
    await using bench = await nearBench(server);
    await put('a', 1);
    const before = await kept(bench.cache, 'a');
    bench.proxy.cut(VALUES);
    await until('it listens anew', () => bench.heard.up === 2);
    expect(await bench.cache.get('a')).not.toBe(before);
    expect(metrics.sum(CACHE_METRICS.nearEmptied, { reason: 'reconnect' })).toBe(1);
    await kept(bench.cache, 'a');
    await put('a', 2);
    await eventually(async () => expect(await bench.cache.get('a')).toEqual({ n: 2 }));
  });

  it('listens to the new master after a failover, though the old one still answers', async () => {
    const second = await launchRedis();
    await using guide = await sentinel('main', server);
    const sentinels = [{ host: '127.0.0.1', port: guide.port }];
    const cache = await createCache(
      { sentinels, sentinelName: 'main', near: { ...NEAR, pingMs: 60_000 } },
      { env: 'test' },
    );
    const there = new Redis(second.url);
    try {
      await put('a', 1);
      await kept(cache, 'a');
      guide.master = second;
      await there.set('a', JSON.stringify({ n: 2 }));
      // the connection that brings invalidations is of another type, and stays
      await raw.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await eventually(async () => expect(await kept(cache, 'a')).toEqual({ n: 2 }));
      await there.set('a', JSON.stringify({ n: 3 }));
      await eventually(async () => expect(await cache.get('a')).toEqual({ n: 3 }));
    } finally {
      await cache.close();
      there.disconnect();
      await second.stop();
    }
  });

  it('is emptied by FLUSHALL', async () => {
    using metrics = recordMetrics();
    await using bench = await nearBench(server);
    await put('a', 1);
    await kept(bench.cache, 'a');
    await raw.flushall();
    await eventually(async () => expect(await bench.cache.get('a')).toBeUndefined());
    expect(metrics.sum(CACHE_METRICS.nearEmptied, { reason: 'flush' })).toBeGreaterThan(0);
  });

  it('has nothing of a server that died, and serves again when it is back', async () => {
    const cache = await createCache({ url: server.url, near: NEAR, commandTimeoutMs: 2000 }, { env: 'test' });
    await put('a', 1);
    await kept(cache, 'a');
    await server.kill();
    await until('the death shows', async () => (await cache.health()).status === 'down');
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await server.restart();
    await eventually(async () => void (await put('a', 2)), { withinMs: 10_000 });
    await eventually(async () => expect(await cache.get('a')).toEqual({ n: 2 }), { withinMs: 10_000 });
    await kept(cache, 'a');
    await cache.close();
  });

  it('keeps a value no longer than the entry lives, though Redis tells of expiry only when it looks', async () => {
    await raw.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    await using bench = await nearBench(server);
    const driver = redisDriver({ url: server.url });
    const { tracking } = driver;
    const endless = createCache(
      {
        driver: Object.assign(driver, {
          tracking: {
            ...tracking,
            follow: tracking?.follow.bind(tracking),
            get: async (...args: Parameters<NonNullable<typeof tracking>['get']>) => {
              const found = await tracking?.get(...args);
              return found && { ...found, leftMs: Infinity };
            },
          },
        }),
        near: NEAR,
      },
      { env: 'test' },
    );
    const control = await endless;
    const pair = await Promise.all(
      ['a', 'b'].map((key) => raw.set(key, JSON.stringify({ n: 1 }), 'PX', 1000)),
    );
    expect(pair).toEqual(['OK', 'OK']);
    await kept(bench.cache, 'a');
    await kept(control, 'b');
    await eventually(async () => expect(await bench.cache.get('a')).toBeUndefined());
    expect(await control.get('b')).toEqual({ n: 1 });
    await raw.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    await control.close();
    await driver.close();
  });
});
