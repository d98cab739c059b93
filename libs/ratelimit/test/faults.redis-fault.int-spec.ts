import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { eventually, recordMetrics, RecordingLogger } from '@infra-kit/kernel/testing';
import { createRateLimit, type Decision, type RateLimitProvider } from '@infra-kit/ratelimit';
import { launchRedis, type RunningServer } from '@infra-kit/testkit';
import { Redis } from 'ioredis';

const rules = {
  local: { rate: 1, perMs: 60_000, capacity: 20 },
  open: { rate: 1, perMs: 60_000, capacity: 2, onStoreError: 'open' },
  closed: { rate: 1, perMs: 60_000, capacity: 2, onStoreError: 'closed' },
} as const;

let redis: RunningServer;
let cache: CacheProvider;
let limits: RateLimitProvider;
let logger: RecordingLogger;
beforeEach(async () => {
  redis = await launchRedis();
  cache = await createCache({ url: redis.url }, { env: 'test', logger: new RecordingLogger() });
  logger = new RecordingLogger();
  limits = await createRateLimit({ rules, fallbackRate: 0.25 }, { cache, env: 'test', logger });
});
afterEach(async () => {
  await redis.resume().catch(() => undefined);
  await limits.close();
  await cache.close();
  await redis.stop();
});

const fromStore = (resource: string): Promise<void> =>
  eventually(async () => expect((await limits.allow(resource, 'local', { cost: 0 })).source).toBe('store'), {
    withinMs: 15_000,
  });

async function timed(count: number): Promise<{ readonly decisions: Decision[]; readonly p99: number }> {
  const took: number[] = [];
  const decisions: Decision[] = [];
  for (let n = 0; n < count; n++) {
    const started = performance.now();
    decisions.push(await limits.allow(`r${n % 5}`, 'local'));
    took.push(performance.now() - started);
  }
  took.sort((one, other) => one - other);
  return { decisions, p99: took[Math.floor(took.length * 0.99) - 1] ?? 0 };
}

describe('with Redis', () => {
  it('stopped, decisions keep to their deadline, by the policy of each rule, told once; then the store decides again', async () => {
    using metrics = recordMetrics();
    await fromStore('warm');
    // a busy machine may be late for the first calls
    const before = logger.lines.length;
    const told = (): string[] => logger.lines.slice(before).map(({ level }) => level);
    const down = (): number => metrics.sum('infra.ratelimit.state.changes', { state: 'down' });
    const fellBack = (): number => metrics.sum('infra.ratelimit.decisions', { source: 'fallback' });
    const [downBefore, fellBackBefore] = [down(), fellBack()];
    await redis.pause();
    const { decisions, p99 } = await timed(60);
    expect(p99).toBeLessThanOrEqual(60);
    expect(decisions.every(({ source }) => source === 'fallback')).toBe(true);
    // a quarter of 20 for each of 5 resources
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(25);
    const open = await Promise.all(Array.from({ length: 5 }, () => limits.allow('a', 'open')));
    expect(open.every(({ allowed, source }) => allowed && source === 'fallback')).toBe(true);
    expect(await limits.allow('a', 'closed')).toMatchObject({
      allowed: false,
      retryAfterMs: 1000,
      source: 'fallback',
    });
    expect((await limits.health()).status).toBe('degraded');
    expect(told()).toEqual(['warn']);
    expect([down() - downBefore, fellBack() - fellBackBefore]).toEqual([1, 66]);
    expect(metrics.sum('infra.ratelimit.fallback')).toBe(1);
    await redis.resume();
    await fromStore('a');
    expect(told().slice(0, 2)).toEqual(['warn', 'info']);
    expect(metrics.sum('infra.ratelimit.fallback')).toBe(0);
  });

  it('control: without a deadline of its own a decision waits as long as the cache does', async () => {
    await using patient = await createRateLimit(
      { rules, storeTimeoutMs: 60_000 },
      { cache, env: 'test', logger: new RecordingLogger() },
    );
    await redis.pause();
    const started = performance.now();
    await patient.allow('a', 'local');
    expect(performance.now() - started).toBeGreaterThan(500);
  });

  it('killed, all decisions that are under way are made without it', async () => {
    await fromStore('warm');
    const asked = Promise.all(Array.from({ length: 1000 }, (_, n) => limits.allow(`k${n % 10}`, 'local')));
    await redis.kill();
    const decisions = await asked;
    // 20 of each of 10 resources from the store, a quarter of it from the fallback
    expect(decisions.filter(({ allowed }) => allowed).length).toBeLessThanOrEqual(250);
    expect(decisions.every(({ source }) => source === 'store' || source === 'fallback')).toBe(true);
    expect(await limits.allow('k0', 'local')).toMatchObject({ source: 'fallback' });
    await Promise.all([limits.close(), limits.close()]);
  });

  it('flushed, the limits hold again from then on', async () => {
    const client = new Redis(redis.url);
    await limits.allow('f', 'local', { cost: 20 });
    expect((await limits.allow('f', 'local')).allowed).toBe(false);
    await client.flushall();
    const after = await Promise.all(Array.from({ length: 30 }, () => limits.allow('f', 'local')));
    expect(after.filter(({ allowed }) => allowed)).toHaveLength(20);
    client.disconnect();
  });

  it('restarted, decisions go on inside their deadline and the limits hold again by themselves', async () => {
    await limits.allow('r', 'local');
    await redis.kill();
    const { decisions, p99 } = await timed(40);
    expect(p99).toBeLessThanOrEqual(60);
    expect(decisions.every(({ source }) => source === 'fallback')).toBe(true);
    await redis.restart();
    await fromStore('r');
    const after = await Promise.all(Array.from({ length: 30 }, () => limits.allow('r', 'local')));
    expect(after.filter(({ allowed }) => allowed)).toHaveLength(20);
    await expect(limits.refund('r', 'local')).resolves.toBeUndefined();
  });
});
