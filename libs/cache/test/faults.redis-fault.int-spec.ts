import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createCache, defineScript, type CacheOptions, type CacheProvider } from '@infra-kit/cache';
import { isInfraError } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { FaultProxy, launchRedis, until, type RunningServer } from '@infra-kit/testkit';
import { codes, longest, underLoad } from './fixtures/load.js';
import { muteServer } from './fixtures/mute-server.js';
import { RecordingLogger } from './fixtures/recording.js';

const HOUR = { ttlMs: 3_600_000 };
/** What a busy machine may add to a limit. */
const SLACK_MS = 1500;

let server: RunningServer;
let proxy: FaultProxy;
const open: CacheProvider[] = [];
const logger = new RecordingLogger();

beforeAll(async () => {
  server = await launchRedis();
  proxy = await FaultProxy.start(server);
});
afterEach(async () => {
  await server.resume().catch(() => server.restart());
  await proxy.restore();
  await Promise.all(open.splice(0).map((cache) => cache.close()));
  logger.lines.length = 0;
});
afterAll(async () => {
  await proxy.close();
  await server.stop();
});

async function connect(options: CacheOptions = {}): Promise<CacheProvider> {
  const cache = await createCache(
    { url: server.url, commandTimeoutMs: 300, ...options },
    { env: 'test', logger },
  );
  open.push(cache);
  return cache;
}
const throughProxy = (options: CacheOptions = {}): Promise<CacheProvider> =>
  connect({ url: `redis://127.0.0.1:${proxy.port}`, ...options });

const works = (cache: CacheProvider): Promise<void> =>
  eventually(async () => void (await cache.set('works', 1)), { withinMs: 10_000 });

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: unknown) => (isInfraError(error) ? error.code : String(error)),
  );
}

describe('Redis hung (SIGSTOP)', () => {
  it('lets calls under load fail in time, and serves again by itself when it goes on', async () => {
    const cache = await connect();
    const load = underLoad(cache, 50);
    await until('the load runs', () => load.outcomes.length > 1000);
    await server.pause();
    const pausedAt = performance.now();
    await until('the hang shows', () => codes(load.outcomes).size > 1);
    await until('it lasts', () => performance.now() - pausedAt > 1500);
    await server.resume();
    await works(cache);
    const back = load.outcomes.length;
    await until('the load is served again', () =>
      load.outcomes.slice(back).some(({ code }) => code === 'ok'),
    );
    await load.stop();
    expect([...codes(load.outcomes)].toSorted()).toEqual(['DEADLINE_EXCEEDED', 'ok']);
    expect(longest(load.outcomes)).toBeLessThan(300 + SLACK_MS);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'the cache server is away',
      'the cache server is back',
    ]);
  });

  it('leaves an unprotected client waiting (control)', async () => {
    const bare = new Redis(server.url);
    await bare.ping();
    await server.pause();
    const call = bare.get('a').then(() => 'answered');
    const waited = new Promise((resolve) => setTimeout(() => resolve('still waiting'), 300 + SLACK_MS));
    expect(await Promise.race([call, waited])).toBe('still waiting');
    await server.resume();
    expect(await call).toBe('answered');
    bare.disconnect();
  });

  it('gets the connection replaced after a timeout, so that nothing more is sent into the silence', async () => {
    const cache = await throughProxy();
    await cache.ping();
    const before = proxy.counts.connections;
    await server.pause();
    expect(await codeOf(cache.set('a', 1))).toBe('DEADLINE_EXCEEDED');
    await until('a fresh connection', () => proxy.counts.connections > before);
    const sent = proxy.counts.bytesUp;
    const value = 'x'.repeat(10_000);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => codeOf(cache.set('b', value))));
    expect(new Set(outcomes)).toEqual(new Set(['DEADLINE_EXCEEDED']));
    expect(proxy.counts.bytesUp - sent).toBeLessThan(value.length);
    await server.resume();
    await works(cache);
    expect(await cache.get('b')).toBeUndefined();
  });

  it('gets a queue that grows from a client that only times out (control)', async () => {
    const bare = new Redis(proxy.port, '127.0.0.1', { commandTimeout: 100, retryStrategy: () => null });
    bare.on('error', () => undefined);
    await bare.ping();
    await server.pause();
    await expect(bare.set('a', 1)).rejects.toThrow('timed out');
    const sent = proxy.counts.bytesUp;
    const value = 'x'.repeat(10_000);
    await Promise.allSettled(Array.from({ length: 50 }, () => bare.set('c', value)));
    expect(proxy.counts.bytesUp - sent).toBeGreaterThan(50 * value.length);
    bare.disconnect();
  });

  it('still answers calls that have time left, after an earlier one gave up', async () => {
    const cache = await connect({ commandTimeoutMs: 1000 });
    await cache.set('a', 'there');
    await server.pause();
    const early = codeOf(cache.get('a'));
    await new Promise((resolve) => setTimeout(resolve, 600));
    const late = cache.getAndSet('a', 'new');
    expect(await early).toBe('DEADLINE_EXCEEDED');
    await server.resume();
    expect(await late).toBe('there');
  });

  it('gets its connection replaced also when all callers are in a hurry', async () => {
    const cache = await throughProxy();
    await cache.ping();
    const before = proxy.counts.connections;
    await server.pause();
    await until('a fresh connection', async () => {
      await codeOf(cache.get('a', { timeoutMs: 20 }));
      return proxy.counts.connections > before;
    });
  });

  it('collects no connections, however long it lasts', async () => {
    await using door = await muteServer(server);
    const cache = await connect({ url: `redis://127.0.0.1:${door.port}`, connectTimeoutMs: 600 });
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
    const cache = await connect();
    await server.pause();
    expect(await cache.getOrSet('a', async () => 'source', HOUR)).toBe('source');
    await until('the hang is known', () => logger.lines.length > 0);
    for (let index = 0; index < 20; index++)
      expect(await cache.getOrSet(`k${index}`, async () => 'source', HOUR)).toBe('source');
    await server.resume();
    await works(cache);
    expect(await cache.getOrSet('fresh', async () => 'stored', HOUR)).toBe('stored');
    expect(await cache.get('fresh')).toBe('stored');
  });
});

describe('Redis dead (SIGKILL)', () => {
  it('lets calls under load fail at once, and serves again by itself when it is back', async () => {
    const cache = await connect({ commandTimeoutMs: 5000 });
    const load = underLoad(cache, 50);
    await until('the load runs', () => load.outcomes.length > 1000);
    await server.kill();
    await until('the death shows', () => codes(load.outcomes).has('UNAVAILABLE'));
    await until('it lasts', () => load.outcomes.filter(({ code }) => code === 'UNAVAILABLE').length > 1000);
    const sample = load.outcomes.slice(-500);
    expect(codes(sample)).toEqual(new Set(['UNAVAILABLE']));
    expect(longest(sample)).toBeLessThan(SLACK_MS);
    await server.restart();
    await works(cache);
    const back = load.outcomes.length;
    await until('the load is served again', () =>
      load.outcomes.slice(back).some(({ code }) => code === 'ok'),
    );
    await load.stop();
    expect([...codes(load.outcomes)].toSorted()).toEqual(['UNAVAILABLE', 'ok']);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'the cache server is away',
      'the cache server is back',
    ]);
  });

  it('leaves an unprotected client waiting (control)', async () => {
    const bare = new Redis(server.url);
    bare.on('error', () => undefined);
    await bare.ping();
    await server.kill();
    const call = bare.get('a').catch(() => 'failed');
    const waited = new Promise((resolve) => setTimeout(() => resolve('still waiting'), SLACK_MS));
    expect(await Promise.race([call, waited])).toBe('still waiting');
    bare.disconnect();
  });

  it('lets getOrSet load from the source, and stores again when it is back', async () => {
    const cache = await connect();
    await server.kill();
    for (let index = 0; index < 20; index++)
      expect(await cache.getOrSet(`d${index}`, async () => 'source', HOUR)).toBe('source');
    expect((await cache.health()).status).toBe('down');
    await server.restart();
    await works(cache);
    expect((await cache.health()).status).toBe('up');
    expect(await cache.getOrSet('d0', async () => 'anew', HOUR)).toBe('anew');
    expect(await cache.get('d0')).toBe('anew');
  });

  it('brings every connection of a pool back', async () => {
    const cache = await connect({ poolSize: 3 });
    await server.kill();
    await until('the death shows', async () => (await codeOf(cache.ping())) === 'UNAVAILABLE');
    await server.restart();
    await eventually(
      async () => expect(await cache.health()).toMatchObject({ detail: { connections: '3 of 3 ready' } }),
      { withinMs: 10_000 },
    );
  });
});

describe('a connection lost under a call', () => {
  /** Sends into a wire that swallows everything, which then breaks. */
  async function cutUnder<T>(call: () => Promise<T>): Promise<T> {
    proxy.blackhole();
    const running = call();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await proxy.restore();
    return running;
  }

  it('does not show to a reader: the read is sent again on a fresh one', async () => {
    const cache = await throughProxy({ commandTimeoutMs: 5000 });
    await cache.set('a', 'there');
    expect(await cutUnder(() => cache.get('a'))).toBe('there');
    expect(logger.lines).toEqual([]);
  });

  it('shows to a reader with maxRetries 0 (control)', async () => {
    const cache = await throughProxy({ commandTimeoutMs: 5000, maxRetries: 0 });
    await cache.set('a', 'there');
    expect(await codeOf(cutUnder(() => cache.get('a')))).toBe('UNAVAILABLE');
  });

  it('fails a writer, whose write is not sent again', async () => {
    const cache = await throughProxy({ commandTimeoutMs: 5000 });
    await cache.set('n', 10);
    expect(await codeOf(cutUnder(() => cache.increment('n')))).toBe('UNAVAILABLE');
    await works(cache);
    expect(await cache.get('n')).toBe(10);
  });
});

describe('the start', () => {
  const start = (options: CacheOptions): Promise<CacheProvider> =>
    createCache(options, { env: 'production', logger });

  it('with Redis away fails at once, in a sentence that names the address and no password', async () => {
    await server.kill();
    const url = `redis://:hunter2@127.0.0.1:${server.port}`;
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
    await server.pause();
    const started = performance.now();
    await expect(
      start({ url: `redis://127.0.0.1:${proxy.port}`, connectTimeoutMs: 200, poolSize: 2 }),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('within 200 ms'),
    });
    expect(performance.now() - started).toBeLessThan(200 + SLACK_MS);
    await server.resume();
    await until('all connections are closed', () => proxy.counts.open === 0);
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
    const cache = await connect();
    const raw = new Redis(server.url);
    await cache.scripts.run(count, ['s'], [1]);
    await cache.delete('s');
    if (how === 'restart') await server.restart();
    else await raw.call(...(how.split(' ') as [string]));
    await works(cache);
    expect(await cache.scripts.run(count, ['s'], [5])).toBe(5);
    expect(await cache.scripts.run(count, ['s'], [5])).toBe(10);
    raw.disconnect();
  });

  it('has NOSCRIPT for a client that does not handle it (control)', async () => {
    const raw = new Redis(server.url);
    await raw.script('FLUSH');
    await expect(raw.evalsha(count.sha, 1, 's', 1)).rejects.toThrow('NOSCRIPT');
    raw.disconnect();
  });
});

describe('a cache without a prefix', () => {
  it('is emptied by an empty prefix', async () => {
    const cache = await connect();
    await cache.setMany(Array.from({ length: 700 }, (_, index) => [`k${index}`, index]));
    expect(await cache.deleteByPrefix('')).toBeGreaterThanOrEqual(700);
    const left: string[] = [];
    for await (const key of cache.scan('')) left.push(key);
    expect(left).toEqual([]);
  });
});

describe('a master that became a replica', () => {
  it('refuses writes as UNAVAILABLE, and the connection is made anew', async () => {
    const cache = await throughProxy();
    const raw = new Redis(server.url);
    await cache.ping();
    const before = proxy.counts.connections;
    await raw.call('REPLICAOF', '127.0.0.1', '1');
    expect(await codeOf(cache.set('a', 1))).toBe('UNAVAILABLE');
    await until('a fresh connection', () => proxy.counts.connections > before);
    await raw.call('REPLICAOF', 'NO', 'ONE');
    await works(cache);
    raw.disconnect();
  });
});

describe('closing', () => {
  it('waits for answers under way, and leaves no connection', async () => {
    const cache = await throughProxy({ poolSize: 2, commandTimeoutMs: 5000 });
    proxy.latency(100);
    const answers = Promise.all([cache.set('a', 1), cache.set('b', 2), cache.increment('n')]);
    await cache.close();
    expect((await answers).slice(0, 2)).toEqual([true, true]);
    await until('all connections are closed', () => proxy.counts.open === 0);
  });

  it('does not wait for a hung server', async () => {
    const cache = await connect({ commandTimeoutMs: 30_000 });
    await server.pause();
    const call = codeOf(cache.get('a'));
    const started = performance.now();
    await cache.close();
    expect(performance.now() - started).toBeLessThan(1000 + SLACK_MS);
    expect(await call).toBe('FAILED_PRECONDITION');
  });

  it('ends the attempts to come back', async () => {
    const cache = await connect();
    await server.kill();
    await until('the death shows', async () => (await codeOf(cache.ping())) === 'UNAVAILABLE');
    await cache.close();
    await server.restart();
    const raw = new Redis(server.url);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await raw.client('LIST')).not.toContain('infra-kit:cache');
    raw.disconnect();
  });
});
