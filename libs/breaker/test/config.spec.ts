import { describe, expect, it } from '@jest/globals';
import { ConfigError, isConfigError } from '@infra-kit/kernel';
import { createBreaker, defaultBreakerConfig, type BreakerOptions } from '../src/index.js';
import { fail } from './breakers.js';
import { QuietLogger } from './quiet-logger.js';

const make = (options: BreakerOptions) => createBreaker(options, { env: 'test', logger: new QuietLogger() });

async function problemsOf(options: unknown): Promise<readonly string[]> {
  try {
    await make(options as BreakerOptions);
    return [];
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

describe('the configuration', () => {
  it.each<[string, unknown, RegExp]>([
    ['a rate of 0', { default: { failureRate: 0 } }, /default\.failureRate: .*\(got 0\)/],
    ['a rate above 1', { default: { failureRate: 1.01 } }, /failureRate/],
    ['a rate that is no number', { default: { failureRate: '50%' } }, /failureRate/],
    ['a rate that is NaN', { default: { failureRate: Number.NaN } }, /failureRate/],
    ['a slow rate below 0', { default: { slowCallMs: 5, slowCallRate: -1 } }, /slowCallRate/],
    ['a slow rate without slowCallMs', { default: { slowCallRate: 0.5 } }, /slowCallRate.*slowCallMs/],
    ['a count window of 0', { default: { window: { type: 'count', size: 0 } } }, /window\.size/],
    ['a count window without size', { default: { window: { type: 'count' } } }, /window\.size/],
    ['a time window of 0', { default: { window: { type: 'time', ms: 0 } } }, /window\.ms/],
    ['a time window below 0', { default: { window: { type: 'time', ms: -1 } } }, /window\.ms/],
    ['a time window without ms', { default: { window: { type: 'time' } } }, /window\.ms/],
    ['a window of an unknown type', { default: { window: { type: 'calls', size: 5 } } }, /window\.type/],
    ['no buckets', { default: { window: { type: 'time', ms: 5, buckets: 0 } } }, /buckets/],
    ['minimumCalls of 0', { default: { minimumCalls: 0 } }, /minimumCalls/],
    [
      'minimumCalls above the window',
      { default: { minimumCalls: 9, window: { type: 'count', size: 8 } } },
      /minimumCalls.*8/,
    ],
    [
      'minimumCalls above the default’s window',
      { policies: { pay: { minimumCalls: 101 } } },
      /policies\.pay\.minimumCalls/,
    ],
    ['an open time of 0', { default: { openStateTimeoutMs: 0 } }, /openStateTimeoutMs/],
    [
      'a longest open time below the open time',
      { default: { maxOpenStateTimeoutMs: 5 } },
      /maxOpenStateTimeoutMs/,
    ],
    ['no permits', { default: { halfOpenMaxCalls: 0 } }, /halfOpenMaxCalls/],
    ['a threshold of 0', { default: { successThreshold: 0 } }, /successThreshold/],
    [
      'a predicate that is no function',
      { policies: { pay: { isFailure: 'always' } } },
      /policies\.pay\.isFailure/,
    ],
    ['an unknown field', { default: { failureRat: 0.5 } }, /failureRat: unknown field/],
    ['policies that are a list', { policies: [] }, /policies/],
    ['a quorum of 0', { share: { quorum: 0 } }, /share\.quorum/],
    ['sharing without a cache', { share: true }, /share:.*cache/],
    ['an idle time of 0', { idleMs: 0 }, /idleMs/],
    ['no object', 'x', /object of settings/],
  ])('is refused for %s', async (_what, options, problem) => {
    expect((await problemsOf(options)).join('\n')).toMatch(problem);
  });

  it('is refused with every bad field named', async () => {
    const problems = await problemsOf({
      default: { failureRate: 2 },
      policies: { pay: { timeoutMs: -1, isIgnored: 1 } },
      idleMs: 'x',
    });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(
      expect.arrayContaining([
        'default.failureRate',
        'policies.pay.timeoutMs',
        'policies.pay.isIgnored',
        'idleMs',
      ]),
    );
  });

  it('takes durations as texts', async () => {
    const provider = await make({
      default: {
        openStateTimeoutMs: '2s' as unknown as number,
        failureThreshold: 1,
        window: { type: 'time', ms: '1m' as unknown as number },
      },
    });
    const breaker = provider.get('x');
    await breaker.execute(fail).catch(() => undefined);
    await expect(breaker.execute(fail)).rejects.toMatchObject({ retryAfterMs: expect.closeTo(2000, -2) });
  });

  it('says its defaults: count window of 100, half of at least 10, 30 s, 5 permits, 3 successes', async () => {
    expect(defaultBreakerConfig('production')).toMatchObject({
      default: {
        window: { type: 'count', size: 100 },
        minimumCalls: 10,
        failureRate: 0.5,
        openStateTimeoutMs: 30_000,
        halfOpenMaxCalls: 5,
        successThreshold: 3,
      },
      share: undefined,
      idleMs: 3_600_000,
    });
    expect(await problemsOf(defaultBreakerConfig('production'))).toEqual([]);
    const breaker = (await make({})).get('x');
    for (let call = 0; call < 9; call++) await breaker.execute(fail).catch(() => undefined);
    expect(breaker.state).toBe('closed');
    await breaker.execute(fail).catch(() => undefined);
    expect(breaker.state).toBe('open');
  });
});

describe('policies', () => {
  const opensAfter = async (
    provider: Awaited<ReturnType<typeof make>>,
    ...args: Parameters<typeof provider.get>
  ) => {
    const breaker = provider.get(...args);
    breaker.reset();
    let calls = 0;
    for (; breaker.state === 'closed'; calls++) await breaker.execute(fail).catch(() => undefined);
    return calls;
  };

  it('merge: default, then the name’s, then the call’s, field by field', async () => {
    const provider = await make({
      default: { failureThreshold: 5 },
      policies: { pay: { failureThreshold: 4, timeoutMs: 50 }, mail: { timeoutMs: 50 } },
    });
    expect(await opensAfter(provider, 'other')).toBe(5);
    expect(await opensAfter(provider, 'pay')).toBe(4);
    expect(await opensAfter(provider, 'mail')).toBe(5);
    expect(await opensAfter(provider, 'mail', { failureThreshold: 2, timeoutMs: undefined })).toBe(2);
  });

  it('of get replace those that get was given before, in place', async () => {
    const provider = await make({ default: { failureThreshold: 5 } });
    const breaker = provider.get('pay', { failureThreshold: 2, minimumCalls: 90 });
    expect(provider.get('pay')).toBe(breaker);
    expect(await opensAfter(provider, 'pay')).toBe(2);
    expect(provider.get('pay', { minimumCalls: 20 })).toBe(breaker);
    expect(await opensAfter(provider, 'pay')).toBe(5);
  });

  it('of get are refused when they are bad, and the former stay', async () => {
    const provider = await make({});
    provider.get('pay', { failureThreshold: 2 });
    for (const bad of [
      { failureRate: 7 },
      { minimumCalls: 101 },
      { isFailure: 1 as never },
      { nonsense: 1 } as object,
    ])
      expect(() => provider.get('pay', bad)).toThrow(ConfigError);
    expect(() => provider.get('')).toThrow(/name/);
    expect(await opensAfter(provider, 'pay')).toBe(2);
  });
});
