import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { until } from '@infra-kit/testkit';
import { faultBench, HOUR } from './fixtures/fault-bench.js';

const bench = faultBench();
const KEYS = Array.from({ length: 16 }, (_, index) => `order:${index}`);

/** Sends with a slow wire, and resolves once all of it is on that wire; what is sent from then on is fast. */
async function slowly(send: () => void, bytes: number): Promise<void> {
  bench.proxy.latency(300);
  const before = bench.proxy.counts.bytesUp;
  send();
  await until('it is on the wire', () => bench.proxy.counts.bytesUp - before >= bytes);
  bench.proxy.latency(0);
}

describe('writes of a key over several connections', () => {
  it('keep their order: a load that is being stored does not overwrite a later set', async () => {
    const cache = await bench.throughProxy({ poolSize: 4, commandTimeoutMs: 20_000 });
    const loaded = Promise.withResolvers<string>();
    const begun: string[] = [];
    const loads = KEYS.map((key) => cache.getOrSet(key, () => (begun.push(key), loaded.promise), HOUR));
    await until('all loads run', () => begun.length === KEYS.length);
    const old = 'x'.repeat(1000);
    await slowly(() => loaded.resolve(old), KEYS.length * old.length);
    await Promise.all(KEYS.map((key) => cache.set(key, 'new')));
    expect(await Promise.all(loads)).toEqual(KEYS.map(() => old));
    expect(await cache.getMany(KEYS)).toEqual(KEYS.map(() => 'new'));
  });

  it('keep their order also where nobody awaits them: set, setMany, getAndSet, expire, delete', async () => {
    const cache = await bench.throughProxy({ poolSize: 4, commandTimeoutMs: 20_000 });
    const entries = KEYS.map((key) => [key, 'x'.repeat(1000)] as const);
    const early: Promise<unknown>[] = [];
    await slowly(() => early.push(cache.setMany(entries)), KEYS.length * 1000);
    const late = [
      cache.setMany(KEYS.slice(0, 4).map((key) => [key, 'many'])),
      ...KEYS.slice(4, 8).map((key) => cache.getAndSet(key, 'swapped')),
      ...KEYS.slice(8, 12).map((key) => cache.expire(key, 60_000)),
      cache.delete(KEYS.slice(12)),
    ];
    const answers = await Promise.all(late);
    await Promise.all(early);
    expect(answers.slice(5, 9)).toEqual([true, true, true, true]);
    expect(answers.at(-1)).toBe(4);
    expect(await cache.getMany([...KEYS.slice(0, 8), ...KEYS.slice(12)])).toEqual([
      ...Array.from({ length: 4 }, () => 'many'),
      ...Array.from({ length: 4 }, () => 'swapped'),
      ...Array.from({ length: 4 }, () => undefined),
    ]);
    expect(await cache.ttlMs(KEYS[8] ?? '')).toBeLessThanOrEqual(60_000);
  });

  it('does not bind reads: they take turns', async () => {
    const cache = await bench.connect({ poolSize: 4 });
    for (let turn = 0; turn < 4; turn++) await cache.get('a');
    const raw = new Redis(bench.server.url);
    const clients = String(await raw.client('LIST')).split('\n');
    raw.disconnect();
    const mine = clients.filter((line) => line.includes('name=infra-kit:cache'));
    expect(mine.filter((line) => line.includes('cmd=get'))).toHaveLength(4);
  });
});
