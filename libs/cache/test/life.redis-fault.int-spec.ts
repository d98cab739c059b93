import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createCache, defineScript, type CacheOptions, type CacheProvider } from '@infra-kit/cache';
import { FaultProxy, until } from '@infra-kit/testkit';
import { codeOf, faultBench, SLACK_MS, works } from './fixtures/fault-bench.js';

const bench = faultBench();

describe('the start', () => {
  const start = (options: CacheOptions): Promise<CacheProvider> =>
    createCache(options, { env: 'production', logger: bench.logger });

  it('with Redis away fails at once, in a sentence that names the address and no password', async () => {
    await bench.server.kill();
    const url = `redis://:hunter2@127.0.0.1:${bench.server.port}`;
    const started = performance.now();
    await expect(start({ url, connectTimeoutMs: 20_000 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        /cannot start, no connection to redis:\/\/:\*\*\*@127\.0\.0\.1:\d+.*ECONN(REFUSED|RESET)/,
      ),
    });
    expect(performance.now() - started).toBeLessThan(SLACK_MS);
    await expect(start({ url })).rejects.not.toThrow('hunter2');
  });

  it('with Redis hung fails within connectTimeoutMs, and leaves nothing open', async () => {
    await bench.server.pause();
    const started = performance.now();
    await expect(
      start({ url: `redis://127.0.0.1:${bench.proxy.port}`, connectTimeoutMs: 200, poolSize: 2 }),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('within 200 ms'),
    });
    expect(performance.now() - started).toBeLessThan(200 + SLACK_MS);
    await bench.server.resume();
    await until('all connections are closed', () => bench.proxy.counts.open === 0);
  });
});

describe('a server that has forgotten', () => {
  const count = defineScript({
    name: 'count',
    lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
    twin: (view, [key = ''], [by]) => view.increment(key, Number(by)),
    decode: Number,
  });

  it.each(['SCRIPT FLUSH', 'FLUSHALL', 'restart'])('runs scripts after %s', async (how) => {
    const cache = await bench.connect();
    const raw = new Redis(bench.server.url);
    await cache.scripts.run(count, ['s'], [1]);
    await cache.delete('s');
    if (how === 'restart') await bench.server.restart();
    else await raw.call(...(how.split(' ') as [string]));
    await works(cache);
    expect(await cache.scripts.run(count, ['s'], [5])).toBe(5);
    expect(await cache.scripts.run(count, ['s'], [5])).toBe(10);
    raw.disconnect();
  });

  it('has NOSCRIPT for a client that does not handle it (control)', async () => {
    const raw = new Redis(bench.server.url);
    await raw.script('FLUSH');
    await expect(raw.evalsha(count.sha, 1, 's', 1)).rejects.toThrow('NOSCRIPT');
    raw.disconnect();
  });
});

describe('a cache without a prefix', () => {
  it('is emptied by an empty prefix', async () => {
    const cache = await bench.connect();
    await cache.setMany(Array.from({ length: 700 }, (_, index) => [`k${index}`, index]));
    expect(await cache.deleteByPrefix('')).toBeGreaterThanOrEqual(700);
    const left: string[] = [];
    for await (const key of cache.scan('')) left.push(key);
    expect(left).toEqual([]);
  });
});

describe('a master that became a replica', () => {
  it('refuses writes as UNAVAILABLE, and the connection is made anew', async () => {
    const cache = await bench.throughProxy();
    const raw = new Redis(bench.server.url);
    await cache.ping();
    const before = bench.proxy.counts.connections;
    await raw.call('REPLICAOF', '127.0.0.1', '1');
    expect(await codeOf(cache.set('a', 1))).toBe('UNAVAILABLE');
    await until('a fresh connection', () => bench.proxy.counts.connections > before);
    await raw.call('REPLICAOF', 'NO', 'ONE');
    await works(cache);
    raw.disconnect();
  });
});

describe('closing', () => {
  it('waits for answers under way, and leaves no connection', async () => {
    const cache = await bench.throughProxy({ poolSize: 2, commandTimeoutMs: 5000 });
    bench.proxy.latency(100);
    const answers = Promise.all([cache.set('a', 1), cache.set('b', 2), cache.increment('n')]);
    await cache.close();
    expect((await answers).slice(0, 2)).toEqual([true, true]);
    await until('all connections are closed', () => bench.proxy.counts.open === 0);
  });

  it('does not wait for a hung server', async () => {
    const cache = await bench.connect({ commandTimeoutMs: 30_000 });
    await bench.server.pause();
    const call = codeOf(cache.get('a'));
    const started = performance.now();
    await cache.close();
    expect(performance.now() - started).toBeLessThan(1000 + SLACK_MS);
    expect(await call).toBe('FAILED_PRECONDITION');
  });

  it('ends the attempts to come back', async () => {
    const other = await FaultProxy.start(bench.server);
    const url = other.through(bench.server.url);
    const closed = await bench.throughProxy();
    const control = await bench.connect({ url });
    await bench.server.kill();
    for (const cache of [closed, control])
      await until('the death shows', async () => (await codeOf(cache.ping())) === 'UNAVAILABLE');
    await closed.close();
    const before = bench.proxy.counts.connections;
    const begun = other.counts.connections;
    // the longest pause is at most twice the shortest of them
    await until('one that is open tries many times', () => other.counts.connections > begun + 10, {
      deadlineMs: 20_000,
    });
    expect(bench.proxy.counts.connections).toBe(before);
    await other.close();
  });
});
