import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { createRateLimit, type RateLimitProvider } from '@infra-kit/ratelimit';
import { sharedRedisCluster, uniquePrefix } from '@infra-kit/testkit';
import { enter } from '../src/nest/limiter.js';

const rules = {
  bucket: { rate: 1, perMs: 60_000, capacity: 3 },
  one: { rate: 1, perMs: 60_000, capacity: 1 },
  watched: { rate: 1, perMs: 60_000, capacity: 1, shadow: true },
  slot: { algorithm: 'concurrency', rate: 1, capacity: 1, perMs: 60_000 },
  leased: { rate: 1, perMs: 60_000, capacity: 10, lease: { size: 4, ttlMs: 30_000 } },
} as const;

describe('a limiter over a Redis Cluster', () => {
  let cache: CacheProvider;
  let limits: RateLimitProvider;
  beforeAll(async () => {
    const clusterNodes = sharedRedisCluster().nodes.map(({ host, port }) => ({ host, port }));
    cache = await createCache({ ...PATIENT, clusterNodes, keyPrefix: uniquePrefix('rl') }, { env: 'test' });
    limits = await createRateLimit({ rules, storeTimeoutMs: 10_000 }, { cache, env: 'test' });
  });
  afterAll(async () => {
    await limits.close();
    await cache.close();
  });

  it('decides what one turn asks for, on whichever nodes the accounts are', async () => {
    const decisions = await Promise.all(
      Array.from({ length: 300 }, (_, index) => limits.allow(`user:${index % 100}`, 'bucket')),
    );
    expect(decisions.every(({ allowed, source }) => allowed && source === 'store')).toBe(true);
    const more = await Promise.all(
      Array.from({ length: 100 }, (_, index) => limits.allow(`user:${index}`, 'bucket')),
    );
    expect(more.some(({ allowed }) => allowed)).toBe(false);
  });

  it('spends all of several accounts or leaves none spent, also on several nodes', async () => {
    const checks = Array.from({ length: 12 }, (_, index) => ({ resource: `all:${index}`, rule: 'bucket' }));
    expect((await limits.allowAll(checks)).allowed).toBe(true);
    await limits.allow('last', 'one');
    const refused = await limits.allowAll([
      ...checks,
      { resource: 'last', rule: 'one' },
      { resource: 'w', rule: 'watched' },
    ]);
    expect(refused.allowed).toBe(false);
    for (const { resource } of checks) expect((await limits.peek(resource, 'bucket')).remaining).toBe(2);
    expect((await limits.peek('w', 'watched')).remaining).toBe(1);
  });

  it('leaves no slot taken by a call that another node refuses', async () => {
    const slots = Array.from({ length: 12 }, (_, index) => ({ resource: `all:${index}`, rule: 'slot' }));
    await limits.allow('exhausted', 'one');
    const refused = await enter(limits, [...slots, { resource: 'exhausted', rule: 'one' }]);
    expect([refused.allowed, refused.permits.length]).toEqual([false, 0]);
    for (const { resource } of slots) expect((await limits.peek(resource, 'slot')).remaining).toBe(1);
  });

  it('keeps all rules of one resource in one script', async () => {
    const both = [
      { resource: 'ann', rule: 'bucket' },
      { resource: 'ann', rule: 'one' },
    ];
    expect((await limits.allowAll(both)).allowed).toBe(true);
    expect((await limits.allowAll(both)).allowed).toBe(false);
    expect((await limits.peek('ann', 'bucket')).remaining).toBe(2);
  });

  it('draws leases', async () => {
    expect(await limits.allow('hot', 'leased')).toMatchObject({ allowed: true, source: 'lease' });
  });
});
