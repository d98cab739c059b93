import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { CacheDriver } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { until } from '@infra-kit/testkit';
import { codeOf, faultBench, HOUR, SLACK_MS, works } from './fixtures/fault-bench.js';
import { codes, longest, underLoad } from './fixtures/load.js';
import { muteServer } from './fixtures/mute-server.js';

const bench = faultBench();

const owned = (driver: CacheDriver): CacheDriver & AsyncDisposable =>
  Object.assign(driver, { [Symbol.asyncDispose]: () => driver.close() });

describe('Redis hung (SIGSTOP)', () => {
  it('lets calls under load fail in time, and serves again by itself when it goes on', async () => {
    const cache = await bench.connect();
    const load = underLoad(cache, 50);
    await until('the load runs', () => load.outcomes.length > 1000);
    await bench.server.pause();
    const pausedAt = performance.now();
    await until('the hang shows', () => codes(load.outcomes).size > 1);
    await until('it lasts', () => performance.now() - pausedAt > 1500);
    await bench.server.resume();
    await works(cache);
    const back = load.outcomes.length;
    await until('the load is served again', () =>
      load.outcomes.slice(back).some(({ code }) => code === 'ok'),
    );
    await load.stop();
    expect([...codes(load.outcomes)].toSorted()).toEqual(['DEADLINE_EXCEEDED', 'ok']);
    expect(longest(load.outcomes)).toBeLessThan(300 + SLACK_MS);
    expect(bench.logger.lines.map(({ message }) => message)).toEqual([
      'the cache server is away',
      'the cache server is back',
    ]);
  });

  it('leaves an unprotected client waiting (control)', async () => {
    const bare = new Redis(bench.server.url);
    await bare.ping();
    await bench.server.pause();
    const call = bare.get('a').then(() => 'answered');
    const waited = new Promise((resolve) => setTimeout(() => resolve('still waiting'), 300 + SLACK_MS));
    expect(await Promise.race([call, waited])).toBe('still waiting');
    await bench.server.resume();
    expect(await call).toBe('answered');
    bare.disconnect();
  });

  it('gets the connection replaced after a timeout, so that nothing more is sent into the silence', async () => {
    const cache = await bench.throughProxy();
    await cache.ping();
    const before = bench.proxy.counts.connections;
    await bench.server.pause();
    expect(await codeOf(cache.set('a', 1))).toBe('DEADLINE_EXCEEDED');
    await until('a fresh connection', () => bench.proxy.counts.connections > before);
    const sent = bench.proxy.counts.bytesUp;
    const value = 'x'.repeat(10_000);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => codeOf(cache.set('b', value))));
    expect(new Set(outcomes)).toEqual(new Set(['DEADLINE_EXCEEDED']));
    expect(bench.proxy.counts.bytesUp - sent).toBeLessThan(value.length);
    await bench.server.resume();
    await works(cache);
    expect(await cache.get('b')).toBeUndefined();
  });

  it('gets a queue that grows from a client that only times out (control)', async () => {
    const bare = new Redis(bench.proxy.port, '127.0.0.1', {
      commandTimeout: 1000,
      retryStrategy: () => null,
    });
    bare.on('error', () => undefined);
    await bare.ping();
    await bench.server.pause();
    await expect(bare.set('a', 1)).rejects.toThrow('timed out');
    const sent = bench.proxy.counts.bytesUp;
    const value = 'x'.repeat(10_000);
    await Promise.allSettled(Array.from({ length: 50 }, () => bare.set('c', value)));
    expect(bench.proxy.counts.bytesUp - sent).toBeGreaterThan(50 * value.length);
    bare.disconnect();
  });

  it('still answers calls that have time left, after an earlier one gave up', async () => {
    // the driver gives the connection up long before the cache gives up the calls
    await using driver = owned(
      redisDriver({ url: bench.proxy.through(bench.server.url), commandTimeoutMs: 2000 }),
    );
    const cache = await bench.connect({ url: undefined, driver, commandTimeoutMs: 30_000 });
    await cache.set('a', 'there');
    const before = bench.proxy.counts.connections;
    await bench.server.pause();
    const early = codeOf(cache.get('a', { timeoutMs: 20 }));
    const late = cache.getAndSet('a', 'new');
    expect(await early).toBe('DEADLINE_EXCEEDED');
    await until('the connection is replaced', () => bench.proxy.counts.connections > before);
    await bench.server.resume();
    expect(await late).toBe('there');
  });

  it('gets its connection replaced also when all callers are in a hurry', async () => {
    const cache = await bench.throughProxy();
    await cache.ping();
    const before = bench.proxy.counts.connections;
    await bench.server.pause();
    await until('a fresh connection', async () => {
      await codeOf(cache.get('a', { timeoutMs: 20 }));
      return bench.proxy.counts.connections > before;
    });
  });

  it('collects no connections, however long it lasts', async () => {
    await using door = await muteServer(bench.server);
    const cache = await bench.connect({ url: `redis://127.0.0.1:${door.port}`, connectTimeoutMs: 600 });
    await cache.ping();
    door.mute = true;
    expect(await codeOf(cache.get('a'))).toBe('DEADLINE_EXCEEDED');
    await until('many attempts', () => door.accepted() > 5, { deadlineMs: 20_000 });
    // the attempt under way, and the one that is being taken down
    expect(door.open()).toBeLessThanOrEqual(2);
    door.mute = false;
    await works(cache);
    await cache.close();
  });

  it('lets getOrSet load from the source: at first after the limit, then without asking', async () => {
    const cache = await bench.connect();
    await bench.server.pause();
    expect(await cache.getOrSet('a', async () => 'source', HOUR)).toBe('source');
    await until('the hang is known', () => bench.logger.lines.length > 0);
    for (let index = 0; index < 20; index++)
      expect(await cache.getOrSet(`k${index}`, async () => 'source', HOUR)).toBe('source');
    await bench.server.resume();
    await works(cache);
    expect(await cache.getOrSet('fresh', async () => 'stored', HOUR)).toBe('stored');
    expect(await cache.get('fresh')).toBe('stored');
  });
});
