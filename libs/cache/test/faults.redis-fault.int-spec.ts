import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { eventually } from '@infra-kit/kernel/testing';
import { until } from '@infra-kit/testkit';
import { codeOf, faultBench, HOUR, SLACK_MS, works } from './fixtures/fault-bench.js';
import { codes, longest, underLoad } from './fixtures/load.js';

const bench = faultBench();

describe('Redis dead (SIGKILL)', () => {
  it('lets calls under load fail at once, and serves again by itself when it is back', async () => {
    const cache = await bench.connect({ commandTimeoutMs: 5000 });
    const load = underLoad(cache, 50);
    await until('the load runs', () => load.outcomes.length > 1000);
    await bench.server.kill();
    await until('the death shows', () => codes(load.outcomes).has('UNAVAILABLE'));
    await until('it lasts', () => load.outcomes.filter(({ code }) => code === 'UNAVAILABLE').length > 1000);
    const sample = load.outcomes.slice(-500);
    expect(codes(sample)).toEqual(new Set(['UNAVAILABLE']));
    expect(longest(sample)).toBeLessThan(SLACK_MS);
    await bench.server.restart();
    await works(cache);
    const back = load.outcomes.length;
    await until('the load is served again', () =>
      load.outcomes.slice(back).some(({ code }) => code === 'ok'),
    );
    await load.stop();
    expect([...codes(load.outcomes)].toSorted()).toEqual(['UNAVAILABLE', 'ok']);
    expect(bench.logger.lines.map(({ message }) => message)).toEqual([
      'the cache server is away',
      'the cache server is back',
    ]);
  });

  it('leaves an unprotected client waiting (control)', async () => {
    const bare = new Redis(bench.server.url);
    bare.on('error', () => undefined);
    await bare.ping();
    await bench.server.kill();
    const call = bare.get('a').catch(() => 'failed');
    const waited = new Promise((resolve) => setTimeout(() => resolve('still waiting'), SLACK_MS));
    expect(await Promise.race([call, waited])).toBe('still waiting');
    bare.disconnect();
  });

  it('lets getOrSet load from the source, and stores again when it is back', async () => {
    const cache = await bench.connect();
    await bench.server.kill();
    for (let index = 0; index < 20; index++)
      expect(await cache.getOrSet(`d${index}`, async () => 'source', HOUR)).toBe('source');
    expect((await cache.health()).status).toBe('down');
    await bench.server.restart();
    await works(cache);
    expect((await cache.health()).status).toBe('up');
    expect(await cache.getOrSet('d0', async () => 'anew', HOUR)).toBe('anew');
    expect(await cache.get('d0')).toBe('anew');
  });

  it('brings every connection of a pool back', async () => {
    const cache = await bench.connect({ poolSize: 3 });
    await bench.server.kill();
    await until('the death shows', async () => (await codeOf(cache.ping())) === 'UNAVAILABLE');
    await bench.server.restart();
    await eventually(
      async () => expect(await cache.health()).toMatchObject({ detail: { connections: '3 of 3 ready' } }),
      { withinMs: 10_000 },
    );
  });
});

describe('a connection lost under a call', () => {
  /** Sends into a wire that swallows everything, which then breaks. */
  async function cutUnder<T>(call: () => Promise<T>): Promise<T> {
    bench.proxy.blackhole();
    const before = bench.proxy.counts.bytesSwallowed;
    const running = call();
    await until('the call is swallowed', () => bench.proxy.counts.bytesSwallowed > before);
    await bench.proxy.restore();
    return running;
  }

  it('does not show to a reader: the read is sent again on a fresh one', async () => {
    const cache = await bench.throughProxy({ commandTimeoutMs: 5000 });
    await cache.set('a', 'there');
    expect(await cutUnder(() => cache.get('a'))).toBe('there');
    expect(bench.logger.lines).toEqual([]);
  });

  it('shows to a reader with maxRetries 0 (control)', async () => {
    const cache = await bench.throughProxy({ commandTimeoutMs: 5000, maxRetries: 0 });
    await cache.set('a', 'there');
    expect(await codeOf(cutUnder(() => cache.get('a')))).toBe('UNAVAILABLE');
  });

  it('fails a writer, whose write is not sent again', async () => {
    const cache = await bench.throughProxy({ commandTimeoutMs: 5000 });
    await cache.set('n', 10);
    expect(await codeOf(cutUnder(() => cache.increment('n')))).toBe('UNAVAILABLE');
    await works(cache);
    expect(await cache.get('n')).toBe(10);
  });
});
