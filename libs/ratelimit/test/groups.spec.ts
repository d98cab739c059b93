import { describe, expect, it } from '@jest/globals';
import type { RateLimitCheck, RateLimitProvider } from '@infra-kit/ratelimit';
import { DRIVERS, open } from './fixtures/limits.js';

const rules = {
  one: { rate: 1, perMs: 60_000, capacity: 1 },
  mine: { rate: 1, perMs: 60_000, capacity: 1, scope: 'local' },
  window: { algorithm: 'sliding-window', rate: 2, perMs: 60_000, capacity: 1 },
} as const;

describe.each(DRIVERS)('a group that is refused, driver %s', (driver) => {
  const start = async (): Promise<RateLimitProvider> => {
    const { limits } = await open(driver, { rules });
    await limits.allow('total', 'one');
    await limits.allow('total', 'mine');
    return limits;
  };

  it.each([
    ['one', 'one'],
    ['window', 'one'],
    ['mine', 'mine'],
  ] as const)('is never seen spent by a call beside it: %s', async (rule, exhausted) => {
    const limits = await start();
    const [group, beside] = await Promise.all([
      limits.allowAll([
        { resource: 'a', rule, cost: rule === 'window' ? 2 : 1 },
        { resource: 'total', rule: exhausted },
      ]),
      limits.allow('a', rule),
    ]);
    expect([group.allowed, beside.allowed]).toEqual([false, true]);
    expect((await limits.peek('a', rule)).remaining).toBe(rule === 'window' ? 1 : 0);
  });

  it('tells what is there, not what it would have left', async () => {
    const limits = await start();
    const { decisions } = await limits.allowAll([
      { resource: 'a', rule: 'window' },
      { resource: 'total', rule: 'one' },
    ]);
    expect(decisions.map(({ remaining }) => remaining)).toEqual([2, 0]);
  });

  it('tells so also of what this process decides by itself', async () => {
    const leased = { rate: 1, perMs: 60_000, capacity: 10, lease: { size: 4, ttlMs: 30_000 } };
    const free = { rate: 1, perMs: 60_000, capacity: 3, scope: 'local' } as const;
    const { limits } = await open(driver, { rules: { ...rules, leased, free } });
    await limits.allow('total', 'one');
    const ask = (): Promise<number[]> =>
      limits
        .allowAll([
          { resource: 'a', rule: 'free', cost: 2 },
          { resource: 'a', rule: 'leased', cost: 2 },
          { resource: 'total', rule: 'one' },
        ])
        .then(({ decisions }) => decisions.map(({ remaining }) => remaining));
    expect([await ask(), await ask()]).toEqual([
      [3, 10, 0],
      [3, 10, 0],
    ]);
  });

  it('is told when it would fit as a whole, and that it never will', async () => {
    const bucket = { rate: 1, capacity: 10 };
    const window = { algorithm: 'sliding-window', rate: 4, capacity: 1 } as const;
    const { limits, clock } = await open(driver, { rules: { bucket, window } });
    for (const [rule, spent, costs] of [
      ['bucket', 5, [3, 4]],
      ['window', 2, [2, 1]],
    ] as const) {
      const ask = async (): Promise<number[]> =>
        (await limits.allowAll(costs.map((cost) => ({ resource: 'a', rule, cost })))).decisions.map(
          ({ retryAfterMs }) => retryAfterMs,
        );
      await limits.allow('a', rule, { cost: spent });
      const [, wait = 0] = await ask();
      await clock.advance(wait - 1);
      expect(await ask()).toEqual([0, 1]);
      await clock.advance(1);
      expect(await ask()).toEqual([0, 0]);
    }
    const never = await limits.allowAll([
      { resource: 'b', rule: 'bucket', cost: 6 },
      { resource: 'b', rule: 'bucket', cost: 5 },
    ]);
    expect(never.decisions.map(({ retryAfterMs }) => retryAfterMs)).toEqual([0, Infinity]);
  });

  it('that names an account several times is charged as often', async () => {
    const { limits } = await open(driver, { rules: { three: { rate: 1, perMs: 60_000, capacity: 3 } } });
    const check = { resource: 'a', rule: 'three' };
    const first = await limits.allowAll([check, check]);
    expect(first.decisions.map(({ remaining }) => remaining)).toEqual([1, 1]);
    expect((await limits.allowAll([check, check])).allowed).toBe(false);
    expect((await limits.allow('a', 'three')).allowed).toBe(true);
  });

  it('with something that is no check is refused by its place, before anything is spent', async () => {
    const limits = await start();
    const checks = [{ resource: 'a', rule: 'one' }, null] as RateLimitCheck[];
    await expect(limits.allowAll(checks)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('checks[1] must be { resource, rule, cost? }, got null'),
    });
    expect((await limits.peek('a', 'one')).remaining).toBe(1);
  });
});
