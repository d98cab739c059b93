import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { createRateLimit, defaultRateLimitConfig, type RateLimitOptions } from '@infra-kit/ratelimit';

const problems = async (options: unknown, env = 'test'): Promise<string> => {
  try {
    await createRateLimit(options as RateLimitOptions, { env });
  } catch (error) {
    return (error as Error).message;
  }
  return 'started';
};

describe('the configuration of a limiter', () => {
  it('is refused whole, every bad field named', async () => {
    const message = await problems({
      storeTimeoutMs: 0,
      onStoreError: 'shut',
      headers: 'all',
      keyBy: 'name',
      fallbackRate: 2,
      bogus: 1,
      rules: {
        one: { rate: 0, capacity: -1, perMs: 0 },
        'two words': { rate: 1, capacity: 1 },
        leased: { rate: 1, capacity: 10, lease: { size: 6, ttlMs: 1000 } },
        local: { rate: 1, capacity: 10, scope: 'local', lease: { size: 1, ttlMs: 1000 } },
        window: { algorithm: 'sliding-window', rate: 1, capacity: 10, lease: { size: 1, ttlMs: 1000 } },
        awkward: { rate: 7, perMs: 86_400_000, capacity: 1e9 },
      },
    });
    for (const field of [
      'storeTimeoutMs',
      'onStoreError',
      'headers',
      'keyBy',
      'fallbackRate',
      'bogus',
      'rules.one.rate',
      'rules.one.capacity',
      'rules.one.perMs',
    ])
      expect(message).toContain(field);
  });

  it('refuses rules that cannot hold', async () => {
    expect(await problems({ rules: { 'two words': { rate: 1, capacity: 1 } } })).toContain('rules.two words');
    const lease = { size: 6, ttlMs: 1000 };
    expect(await problems({ rules: { a: { rate: 1, capacity: 10, lease } } })).toContain(
      'lease.size: must be at most half of the capacity, 5 (got 6)',
    );
    expect(await problems({ rules: { a: { rate: 1, capacity: 20, scope: 'local', lease } } })).toContain(
      'a local rule',
    );
    expect(
      await problems({ rules: { a: { algorithm: 'concurrency', rate: 1, capacity: 20, lease } } }),
    ).toContain('only a token bucket');
    expect(await problems({ rules: { a: { rate: 7, perMs: 86_400_000, capacity: 1e9 } } })).toContain(
      'can be counted exactly',
    );
    expect(await problems({ defaultRule: 'b', rules: { a: { rate: 1, capacity: 1 } } })).toContain(
      'defaultRule: no rule "b"; known are a',
    );
  });

  it('takes durations as texts', async () => {
    await using limits = await createRateLimit(
      { rules: { a: { rate: 1, perMs: '30s' as unknown as number, capacity: 1 } } },
      { env: 'test' },
    );
    expect(limits.rules()['a']?.perMs).toBe(30_000);
  });

  it.each([[true], [-1], [1.5], ['loopback'], [['10.0.0.0/33']], [['nonsense']]])(
    'refuses trustProxy %j',
    async (trustProxy) => {
      expect(await problems({ trustProxy })).toContain('trustProxy');
    },
  );

  it('decides in the cache where there is one, and in production nowhere else unless told to', async () => {
    expect([defaultRateLimitConfig('development').driver, defaultRateLimitConfig('live').driver]).toEqual([
      'memory',
      'cache',
    ]);
    expect(await problems({}, 'production')).toContain('production needs a cache');
    expect(await problems({ driver: 'cache' })).toContain("driver: 'cache' needs a cache");
    expect(await problems({ driver: 'memory' }, 'production')).toBe('started');
    await using cache = await createCache({ driver: 'memory' }, { env: 'test' });
    await using limits = await createRateLimit(
      { rules: { a: { rate: 1, capacity: 1 } } },
      { env: 'test', cache },
    );
    expect((await limits.allow('x', 'a')).source).toBe('store');
  });
});
