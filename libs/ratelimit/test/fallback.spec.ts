import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { FakeClock, faulty, type Faulty, recordMetrics, RecordingLogger } from '@infra-kit/kernel/testing';
import { createRateLimit, type RateLimitOptions, type RateLimitProvider } from '@infra-kit/ratelimit';

const RULE = { rate: 1, perMs: 10_000, capacity: 8 };
const rules: RateLimitOptions['rules'] = {
  local: RULE,
  open: { ...RULE, onStoreError: 'open' },
  closed: { ...RULE, onStoreError: 'closed' },
  watched: { ...RULE, onStoreError: 'closed', shadow: true },
  slots: { algorithm: 'concurrency', rate: 1, capacity: 4, perMs: 30_000 },
};

async function open(
  options: RateLimitOptions = {},
  instances?: () => number,
): Promise<{ limits: RateLimitProvider; faults: Faulty<object>; clock: FakeClock; logger: RecordingLogger }> {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const faults = faulty(await createCache({ driver: 'memory' }, { env: 'test', clock }), {
    parts: ['scripts'],
  });
  const limits = await createRateLimit(
    { rules, ...options },
    { env: 'test', clock, logger, cache: faults.driver, instances },
  );
  return { limits, faults, clock, logger };
}
const away = (): Error => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
const admitted = async (limits: RateLimitProvider, rule: string, count: number): Promise<number> => {
  let sum = 0;
  for (let n = 0; n < count; n++) if ((await limits.allow('a', rule)).allowed) sum++;
  return sum;
};

describe('with the store away', () => {
  it.each([
    ['one of the instances that are known', {}, 4, 2],
    ['half, where none are known', {}, undefined, 4],
    ['what fallbackRate says', { fallbackRate: 1 }, 4, 8],
    ['one token at least', { fallbackRate: 0.01 }, undefined, 1],
  ] as const)('each process gives out its share: %s', async (_what, options, instances, expected) => {
    const { limits, faults } = await open(options, instances === undefined ? undefined : () => instances);
    faults.fail(away);
    expect(await admitted(limits, 'local', 20)).toBe(expected);
  });

  it('a window of which a share is less than one call lets one through, in a longer window', async () => {
    const rule = { algorithm: 'sliding-window', rate: 1, perMs: 1000, capacity: 1 } as const;
    const { limits, faults, clock } = await open({ rules: { local: rule }, fallbackRate: 0.5 });
    faults.fail(away);
    expect(await admitted(limits, 'local', 20)).toBe(1);
    await clock.advance(1000);
    expect(await admitted(limits, 'local', 20)).toBe(0);
    await clock.advance(3000);
    expect(await admitted(limits, 'local', 20)).toBe(1);
  });

  it('nobody gets what the rule itself could never give', async () => {
    const { limits, faults } = await open({ rules: { local: { rate: 1, capacity: 0.5 } } });
    const whole = { allowed: false, retryAfterMs: Infinity };
    expect(await limits.allow('a', 'local')).toMatchObject({ ...whole, source: 'store' });
    faults.fail(away);
    expect(await limits.allow('a', 'local')).toMatchObject({ ...whole, source: 'fallback' });
  });

  it('instances that cannot be counted are unknown, and no decision is thrown', async () => {
    const { limits, faults } = await open({}, () => {
      throw new Error('the registry is away too');
    });
    faults.fail(away);
    expect(await admitted(limits, 'local', 20)).toBe(4);
  });

  it('shares fill up at their share of the rate, and are full once an outage', async () => {
    const { limits, faults, clock } = await open({ fallbackRate: 0.5 });
    faults.fail(away);
    expect(await admitted(limits, 'local', 20)).toBe(4);
    await clock.advance(20_000);
    expect(await admitted(limits, 'local', 20)).toBe(1);
    faults.heal();
    expect((await limits.allow('a', 'local')).source).toBe('store');
    faults.fail(away); // a flap is the same outage
    expect(await admitted(limits, 'local', 20)).toBe(0);
    faults.heal();
    await limits.allow('a', 'local');
    await clock.advance(2000);
    faults.fail(away);
    expect(await admitted(limits, 'local', 20)).toBe(4);
  });

  it('open refuses nobody, closed everybody for a second, shadow nobody; said once, counted each time', async () => {
    using metrics = recordMetrics();
    const { limits, faults, logger } = await open();
    faults.fail(away);
    expect(await limits.allow('a', 'open', { cost: 8 })).toMatchObject({ allowed: true, source: 'fallback' });
    expect(await limits.allow('a', 'closed')).toMatchObject({
      allowed: false,
      retryAfterMs: 1000,
      source: 'fallback',
    });
    expect(await limits.allow('a', 'watched')).toMatchObject({ allowed: true, retryAfterMs: 1000 });
    expect(
      (
        await limits.allowAll([
          { resource: 'a', rule: 'local' },
          { resource: 'a', rule: 'closed' },
        ])
      ).allowed,
    ).toBe(false);
    expect((await limits.peek('a', 'local')).remaining).toBe(4);
    expect(logger.lines.map(({ level }) => level)).toEqual(['warn']);
    expect(metrics.sum('infra.ratelimit.decisions', { source: 'fallback' })).toBe(5);
    expect(metrics.sum('infra.ratelimit.decisions', { outcome: 'shadow_refused', rule: 'watched' })).toBe(1);
    expect(metrics.sum('infra.ratelimit.fallback')).toBe(1);
    expect(
      metrics.all.some(
        ({ name, attributes }) => name === 'infra.ratelimit.store.duration' && attributes['outcome'] !== 'ok',
      ),
    ).toBe(true);
    expect(JSON.stringify(metrics.all)).not.toContain('"a"');
    faults.heal();
    await limits.allow('a', 'local');
    expect(logger.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    expect(metrics.sum('infra.ratelimit.fallback')).toBe(0);
  });

  it('a limiter that is closed has no fallback in force', async () => {
    using metrics = recordMetrics();
    const { limits, faults } = await open();
    faults.fail(away);
    await limits.allow('a', 'local');
    expect(metrics.sum('infra.ratelimit.fallback')).toBe(1);
    await limits.close();
    expect(metrics.sum('infra.ratelimit.fallback')).toBe(0);
  });

  it('slots are shared out too; refund and reset tell that the store did not hear of them', async () => {
    const { limits, faults } = await open();
    faults.fail(away);
    const permits = [
      await limits.acquire('a', 'slots'),
      await limits.acquire('a', 'slots'),
      await limits.acquire('a', 'slots'),
    ];
    expect(permits.map(({ permit }) => permit !== undefined)).toEqual([true, true, false]);
    await permits[0]?.permit?.release();
    expect((await limits.acquire('a', 'slots')).permit).toBeDefined();
    await expect(limits.refund('a', 'local')).rejects.toThrow();
    await expect(limits.reset('a', 'local')).rejects.toThrow();
    await limits.close();
  });

  it('a permit whose lease cannot be renewed says so before another could have its slot', async () => {
    const { limits, faults, clock } = await open({ onStoreError: 'closed' });
    const { permit } = await limits.acquire('a', 'slots');
    faults.fail(away);
    await clock.advance(26_900);
    expect(permit?.signal.aborted).toBe(false);
    await clock.advance(200); // 0.9 of 30 s
    expect(permit?.signal.aborted).toBe(true);
    expect(permit?.signal.reason).toMatchObject({ code: 'FAILED_PRECONDITION', retryable: true });
  });

  it('a store that hangs keeps one decision waiting in a while, not each in turn', async () => {
    const { limits, faults, clock } = await open({ storeTimeoutMs: 10 });
    faults.hang();
    for (let n = 0; n < 50; n++) expect((await limits.allow('a', 'open')).source).toBe('fallback');
    const asked = (): number => [...faults.calls.values()].reduce((sum, count) => sum + count, 0);
    expect(asked()).toBe(1);
    await clock.advance(50);
    await limits.allow('a', 'open');
    expect(asked()).toBe(2);
    faults.heal();
    await clock.advance(50);
    expect((await limits.allow('a', 'open')).source).toBe('store');
  });

  it('one call at a time finds out whether it is back; nobody else waits', async () => {
    const { limits, faults } = await open({ storeTimeoutMs: 60_000 });
    faults.fail(away);
    await limits.allow('a', 'open');
    faults.hang();
    const probe = limits.allow('a', 'open');
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    for (let n = 0; n < 5; n++) expect((await limits.allow('a', 'open')).source).toBe('fallback');
    faults.heal();
    expect((await probe).source).toBe('store');
  });
});
