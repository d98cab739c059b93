import { describe, expect, it } from '@jest/globals';
import { InfraContext } from '@infra-kit/kernel';
import { createRateLimit, type RateLimitOptions, type RateLimitRule } from '@infra-kit/ratelimit';
import { DRIVERS, open } from './fixtures/limits.js';

const rules: RateLimitOptions['rules'] = {
  bucket: { rate: 2, perMs: 1000, capacity: 5, description: 'for people' },
  other: { rate: 1, capacity: 1 },
  window: { algorithm: 'sliding-window', rate: 4, perMs: 1000, capacity: 99 },
  slots: { algorithm: 'concurrency', rate: 1, capacity: 2, perMs: 30_000 },
  watched: { rate: 1, capacity: 1, shadow: true },
  mine: { rate: 1, capacity: 1, scope: 'local' },
};

describe.each(DRIVERS)('a limiter with the driver %s', (driver) => {
  const source = driver === 'memory' ? 'local' : 'store';
  const start = () => open(driver, { rules });

  it('lets the capacity through at once and the rate in the long run, and says how it stands', async () => {
    const { limits, clock } = await start();
    const remaining: number[] = [];
    for (let n = 0; n < 5; n++) remaining.push((await limits.allow('a', 'bucket')).remaining);
    expect(remaining).toEqual([4, 3, 2, 1, 0]);
    expect(await limits.allow('a', 'bucket')).toEqual({
      allowed: false,
      rule: 'bucket',
      limit: 5,
      remaining: 0,
      retryAfterMs: 500,
      resetAfterMs: 2500,
      source,
    });
    await clock.advance(499);
    expect((await limits.allow('a', 'bucket')).allowed).toBe(false);
    await clock.advance(1);
    expect(await limits.allow('a', 'bucket')).toMatchObject({ allowed: true, retryAfterMs: 0, remaining: 0 });
    await clock.advance(60_000);
    expect((await limits.peek('a', 'bucket')).remaining).toBe(5);
  });

  it('keeps an account a resource and a rule', async () => {
    const { limits } = await start();
    expect((await limits.allow('a', 'other')).allowed).toBe(true);
    expect((await limits.allow('a', 'other')).allowed).toBe(false);
    expect((await limits.allow('b', 'other')).allowed).toBe(true);
    expect((await limits.allow('a', 'bucket')).remaining).toBe(4);
  });

  it('counts costs, fractions too; refuses for ever what is above the capacity; 0 asks without spending', async () => {
    const { limits } = await start();
    expect((await limits.allow('a', 'bucket', { cost: 2.5 })).remaining).toBe(2);
    expect((await limits.allow('a', 'bucket', { cost: 2.5 })).remaining).toBe(0);
    expect((await limits.allow('a', 'bucket', { cost: 0.001 })).allowed).toBe(false);
    expect((await limits.allow('a', 'bucket', { cost: 0 })).allowed).toBe(true);
    expect(await limits.allow('b', 'bucket', { cost: 6 })).toMatchObject({
      allowed: false,
      retryAfterMs: Infinity,
      remaining: 5,
    });
    expect(await limits.allow('b', 'window', { cost: 5 })).toMatchObject({ retryAfterMs: Infinity });
  });

  it('spends nothing on a refusal', async () => {
    const { limits, clock } = await start();
    await limits.allow('a', 'bucket', { cost: 4 });
    for (let n = 0; n < 50; n++) expect((await limits.allow('a', 'bucket', { cost: 3 })).allowed).toBe(false);
    expect((await limits.peek('a', 'bucket')).remaining).toBe(1);
    await clock.advance(1000);
    expect((await limits.allow('a', 'bucket', { cost: 3 })).allowed).toBe(true);
  });

  it('peeks without spending, refunds up to the capacity, forgets on reset', async () => {
    const { limits } = await start();
    await limits.allow('a', 'bucket', { cost: 5 });
    expect(await limits.peek('a', 'bucket')).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfterMs: 500,
    });
    await limits.refund('a', 'bucket', 2);
    expect((await limits.peek('a', 'bucket')).remaining).toBe(2);
    await limits.refund('a', 'bucket', 1000);
    expect((await limits.peek('a', 'bucket')).remaining).toBe(5);
    await limits.allow('a', 'bucket', { cost: 5 });
    await limits.refund('a', 'bucket');
    expect((await limits.peek('a', 'bucket')).remaining).toBe(1);
    await limits.reset('a', 'bucket');
    expect((await limits.peek('a', 'bucket')).remaining).toBe(5);
  });

  it('spends all of several checks or none, also of two on one account', async () => {
    const { limits } = await start();
    const both = [
      { resource: 'a', rule: 'bucket', cost: 2 },
      { resource: 'total', rule: 'other' },
      { resource: 'a', rule: 'mine' },
    ];
    const first = await limits.allowAll(both);
    expect(first.allowed).toBe(true);
    expect(first.decisions.map(({ remaining }) => remaining)).toEqual([3, 0, 0]);
    const second = await limits.allowAll(both);
    expect(second.allowed).toBe(false);
    expect(second.decisions.map(({ rule, allowed }) => [rule, allowed])).toEqual([
      ['bucket', true],
      ['other', false],
      ['mine', false],
    ]);
    expect((await limits.peek('a', 'bucket')).remaining).toBe(3);
    expect(
      (
        await limits.allowAll([
          { resource: 'b', rule: 'bucket', cost: 3 },
          { resource: 'b', rule: 'bucket', cost: 3 },
        ])
      ).allowed,
    ).toBe(false);
    expect((await limits.peek('b', 'bucket')).remaining).toBe(5);
    expect(await limits.allowAll([])).toEqual({ allowed: true, decisions: [] });
  });

  it('gives back what a local rule gave when a distributed one refuses', async () => {
    const { limits } = await start();
    await limits.allow('total', 'other');
    const refused = await limits.allowAll([
      { resource: 'a', rule: 'mine' },
      { resource: 'total', rule: 'other' },
    ]);
    expect(refused.allowed).toBe(false);
    expect(await limits.allow('a', 'mine')).toMatchObject({ allowed: true, source: 'local' });
  });

  it('slides a window: never more than the rate in the weighted window, twice it at worst', async () => {
    const { limits, clock } = await start();
    await clock.advance(1000);
    for (let n = 0; n < 4; n++) expect((await limits.allow('a', 'window')).allowed).toBe(true);
    const refused = await limits.allow('a', 'window');
    expect(refused).toMatchObject({ allowed: false, limit: 4, remaining: 0 });
    await clock.advance(refused.retryAfterMs - 1);
    expect((await limits.allow('a', 'window')).allowed).toBe(false);
    await clock.advance(1);
    expect((await limits.allow('a', 'window')).allowed).toBe(true);
    await limits.refund('a', 'window');
    expect((await limits.allow('a', 'window')).allowed).toBe(true);
    await clock.advance(2000);
    expect((await limits.peek('a', 'window')).remaining).toBe(4);
  });

  it('holds slots by permits that are renewed, and frees them on release and when their holder is gone', async () => {
    const { limits, clock } = await start();
    const one = await limits.acquire('a', 'slots');
    const two = await limits.acquire('a', 'slots');
    expect([one.decision.remaining, two.decision.remaining]).toEqual([1, 0]);
    const three = await limits.acquire('a', 'slots');
    expect(three.permit).toBeUndefined();
    expect(three.decision.allowed).toBe(false);
    await clock.advance(120_000);
    expect((await limits.acquire('a', 'slots')).permit).toBeUndefined();
    expect(one.permit?.signal.aborted).toBe(false);
    await one.permit?.release();
    await one.permit?.release();
    const four = await limits.acquire('a', 'slots');
    expect(four.permit).toBeDefined();
    // `allow` takes a slot that nobody renews
    await two.permit?.release();
    expect((await limits.allow('a', 'slots')).allowed).toBe(true);
    expect((await limits.allow('a', 'slots')).allowed).toBe(false);
    await limits.refund('a', 'slots');
    expect((await limits.allow('a', 'slots')).allowed).toBe(true);
    await clock.advance(30_001);
    expect((await limits.allow('a', 'slots')).allowed).toBe(true);
    await limits.close();
  });

  it('a shadow rule decides and never refuses, with the numbers of the refusal', async () => {
    const { limits } = await start();
    await limits.allow('a', 'watched');
    expect(await limits.allow('a', 'watched')).toMatchObject({
      allowed: true,
      remaining: 0,
      retryAfterMs: 1000,
    });
    const both = await limits.allowAll([
      { resource: 'a', rule: 'watched' },
      { resource: 'a', rule: 'bucket' },
    ]);
    expect(both.allowed).toBe(true);
    expect((await limits.peek('a', 'bucket')).remaining).toBe(4);
  });

  it('takes a rule as an object', async () => {
    const { limits } = await start();
    const rule: RateLimitRule = { rate: 1, capacity: 1 };
    expect(await limits.allow('a', rule)).toMatchObject({ allowed: true, rule: 'inline', limit: 1 });
    expect((await limits.allow('a', { ...rule })).allowed).toBe(false);
    expect((await limits.allow('a', { ...rule, capacity: 2 })).allowed).toBe(true);
  });

  it('refuses bad input before anything is spent', async () => {
    const { limits } = await start();
    const code = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => 'fine',
        (error: { code: string }) => error.code,
      );
    expect(await code(limits.allow('a', 'nowhere'))).toBe('NOT_FOUND');
    for (const resource of ['', 5, null, 'x'.repeat(20_000), '\ud800'] as string[])
      expect(await code(limits.allow(resource, 'bucket'))).toBe('INVALID_ARGUMENT');
    for (const cost of [-1, Number.NaN, Infinity, '1'] as number[])
      expect(await code(limits.allow('a', 'bucket', { cost }))).toBe('INVALID_ARGUMENT');
    for (const rule of [
      { rate: 0, capacity: 1 },
      { rate: 1, capacity: -1 },
      { rate: Number.NaN, capacity: 1 },
      { rate: 1 },
      { rate: 1, capacity: 1, burst: 4 },
      { rate: 1, capacity: 10, lease: { size: 6, ttlMs: 1000 } },
    ] as RateLimitRule[])
      expect(await code(limits.allow('a', rule))).toBe('INVALID_ARGUMENT');
    expect(
      await code(
        limits.allowAll([
          { resource: 'a', rule: 'bucket' },
          { resource: '', rule: 'bucket' },
        ]),
      ),
    ).toBe('INVALID_ARGUMENT');
    expect(await code(limits.acquire('a', 'bucket'))).toBe('INVALID_ARGUMENT');
    expect((await limits.peek('a', 'bucket')).remaining).toBe(5);
  });

  it('keeps to the limits of the caller', async () => {
    const { limits } = await start();
    await expect(limits.allow('a', 'bucket', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    await expect(limits.allow('a', 'bucket', { timeoutMs: 0 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const within = (init: Parameters<typeof InfraContext.run>[0]) =>
      InfraContext.run(init, () => limits.allow('a', 'bucket'));
    await expect(within({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(within({ deadline: Date.now() - 1 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect((await limits.peek('a', 'bucket')).remaining).toBe(5);
  });

  it('tells its rules with their defaults, and its health; after close every call is refused', async () => {
    const { limits } = await start();
    expect(limits.rules()['bucket']).toEqual({
      algorithm: 'token-bucket',
      rate: 2,
      perMs: 1000,
      capacity: 5,
      scope: 'distributed',
      description: 'for people',
    });
    expect(await limits.health()).toMatchObject({ status: 'up', detail: { driver, rules: 6 } });
    await limits.close();
    await limits.close();
    await expect(limits.allow('a', 'bucket')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(limits.allowAll([])).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect((await limits.health()).status).toBe('down');
  });
});

it('a limiter by hand needs nothing', async () => {
  await using limits = await createRateLimit({ rules: { one: { rate: 1, capacity: 1 } } }, { env: 'test' });
  expect((await limits.allow('a', 'one')).source).toBe('local');
});
