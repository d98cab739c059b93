import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { faulty } from '@infra-kit/kernel/testing';
import { createRateLimit, type RateLimitProvider } from '@infra-kit/ratelimit';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { Redis } from 'ioredis';

const rules = {
  bucket: { rate: 1, perMs: 60_000, capacity: 3 },
  leased: { rate: 1, perMs: 60_000, capacity: 10, lease: { size: 4, ttlMs: 30_000 } },
  window: { algorithm: 'sliding-window', rate: 3, perMs: 60_000, capacity: 1 },
  slots: { algorithm: 'concurrency', rate: 1, capacity: 2, perMs: 60_000 },
} as const;

describe('a limiter over Redis', () => {
  let redis: Redis;
  let cache: CacheProvider;
  let limits: RateLimitProvider;
  const prefix = uniquePrefix('store');
  beforeAll(async () => {
    const { url } = sharedRedis();
    redis = new Redis(url);
    cache = await createCache({ ...PATIENT, url, keyPrefix: prefix }, { env: 'test' });
    limits = await createRateLimit(
      { rules, storeTimeoutMs: 5000, onStoreError: 'closed' },
      { cache, env: 'test' },
    );
  });
  afterAll(async () => {
    await limits.close();
    await cache.close();
    redis.disconnect();
  });

  it('leaves no key without a ttl, whatever is asked', async () => {
    for (const rule of ['bucket', 'leased', 'window', 'slots'] as const)
      for (const resource of ['a', 'b']) {
        for (let n = 0; n < 5; n++) await limits.allow(resource, rule);
        await limits.refund(resource, rule);
        await limits.peek(resource, rule);
        await limits.peek('untouched', rule);
      }
    const { permit } = await limits.acquire('c', 'slots');
    await limits.allowAll([
      { resource: 'd', rule: 'bucket' },
      { resource: 'd', rule: 'window' },
    ]);
    await limits.reset('b', 'window');
    const keys = await redis.keys(`${prefix}*`);
    expect(keys.length).toBeGreaterThanOrEqual(8);
    for (const key of keys) {
      const ttl = await redis.pttl(key);
      expect([key, ttl > 0 && ttl <= 700_000]).toEqual([key, true]);
    }
    await permit?.release();
    expect(await redis.exists(`${prefix}rl:s:slots:c`)).toBe(0);
  });

  it('decides what one turn asks for in one script call, each for itself', async () => {
    const counting = faulty(cache, { parts: ['scripts'] });
    await using own = await createRateLimit(
      { rules, storeTimeoutMs: 5000 },
      { cache: counting.driver, env: 'test' },
    );
    const decisions = await Promise.all(
      Array.from({ length: 60 }, (_, index) => own.allow(`turn:${index % 6}`, 'bucket')),
    );
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(18);
    expect(decisions.every(({ source }) => source === 'store')).toBe(true);
    expect([...counting.calls.values()].reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  it('decides a group of more accounts than the stack of a script takes', async () => {
    const checks = Array.from({ length: 10_000 }, (_, index) => ({
      resource: `many:${index}`,
      rule: 'bucket',
    }));
    const { allowed, decisions } = await limits.allowAll(checks);
    expect([allowed, new Set(decisions.map(({ source }) => source))]).toEqual([true, new Set(['store'])]);
    expect((await limits.peek('many:9999', 'bucket')).remaining).toBe(2);
  });

  it('holds its limits after its scripts were flushed', async () => {
    await limits.allow('flushed', 'bucket', { cost: 3 });
    await redis.script('FLUSH');
    expect(await limits.allow('flushed', 'bucket')).toMatchObject({ allowed: false, source: 'store' });
  });
});
