import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { FakeClock, faulty, seededRandom, RecordingLogger } from '@infra-kit/kernel/testing';
import { createRateLimit, type RateLimitProvider } from '@infra-kit/ratelimit';
import { openFleet } from './fixtures/limits.js';
import { overrun, type Admission } from './fixtures/reference.js';

const HOT = { rate: 50, perMs: 1000, capacity: 20, lease: { size: 8, ttlMs: 400 } };
const BOUND = { capacity: HOT.capacity, ratePerMs: HOT.rate / HOT.perMs };

async function memory(clock: FakeClock): Promise<CacheProvider> {
  return createCache({ driver: 'memory' }, { env: 'test', clock });
}

describe('leases', () => {
  it('decide in the process: one draw serves many calls, and says so', async () => {
    const clock = new FakeClock();
    const faults = faulty(await memory(clock), { parts: ['scripts'] });
    const [limits] = (await openFleet(1, { rules: { hot: HOT } }, faults.driver, clock)) as [
      RateLimitProvider,
    ];
    for (let n = 0; n < 8; n++)
      expect(await limits.allow('a', 'hot')).toMatchObject({
        allowed: true,
        source: 'lease',
        remaining: 19 - n,
      });
    expect([...faults.calls.values()].reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  it('hold the bound over every window, for any number of instances, whatever is lost on the way', async () => {
    const dice = seededRandom();
    for (let sequence = 0; sequence < 25; sequence++) {
      const clock = new FakeClock();
      const cache = await memory(clock);
      const count = dice.int(1, 6);
      const faults = Array.from({ length: count }, () => faulty(cache, { parts: ['scripts'] }));
      const fleet = await Promise.all(
        faults.map(({ driver }) =>
          createRateLimit(
            { rules: { hot: { ...HOT, onStoreError: 'closed' } } },
            { env: 'test', clock, cache: driver, logger: new RecordingLogger() },
          ),
        ),
      );
      const admissions: Admission[] = [];
      for (let step = 0; step < 150; step++) {
        const index = dice.int(0, count - 1);
        const [limits, fault] = [fleet[index]!, faults[index]!];
        const trouble = dice.int(0, 29);
        if (trouble === 0) fault.fail(() => new Error('lost'));
        else if (trouble < 6) fault.heal();
        const cost = dice.pick([1, 1, 1, 2, 0.5, 7]);
        const decision = await limits.allow('a', 'hot', { cost });
        if (decision.allowed) admissions.push({ at: clock.monotonic(), cost });
        if (dice.next() < 0.3) await clock.advance(dice.pick([1, 20, 100, 399, 400, 900]));
      }
      expect([dice.seed, sequence, overrun(admissions, BOUND)]).toEqual([dice.seed, sequence, undefined]);
      expect(admissions.length).toBeGreaterThan(10);
    }
  });

  it('of one instance stay the bound of all: two cannot have more than the capacity out together', async () => {
    const clock = new FakeClock();
    const [one, two, three] = (await openFleet(3, { rules: { hot: HOT } }, await memory(clock), clock)) as [
      RateLimitProvider,
      RateLimitProvider,
      RateLimitProvider,
    ];
    await one.allow('a', 'hot');
    await two.allow('a', 'hot');
    await clock.advance(350); // 17 would have come back, but 16 are out
    let admitted = 2;
    for (const limits of [three, three, three, three, three, one, two])
      for (let n = 0; n < 20; n++) if ((await limits.allow('a', 'hot')).allowed) admitted++;
    expect(admitted).toBeLessThanOrEqual(20 + 17);
  });

  it('that are unused are given back on close, or expire', async () => {
    const clock = new FakeClock();
    const cache = await memory(clock);
    const slow = { ...HOT, rate: 1, perMs: 3_600_000, lease: { size: 8, ttlMs: 60_000 } };
    const [one, two] = (await openFleet(2, { rules: { hot: slow } }, cache, clock)) as [
      RateLimitProvider,
      RateLimitProvider,
    ];
    await one.allow('a', 'hot');
    expect((await two.peek('a', 'hot')).remaining).toBe(12);
    await one.close();
    expect((await two.peek('a', 'hot')).remaining).toBe(19);
  });

  it('are refused locally while no draw can help, and take a cost above their size from the bucket', async () => {
    const clock = new FakeClock();
    const faults = faulty(await memory(clock), { parts: ['scripts'] });
    const [limits] = (await openFleet(1, { rules: { hot: HOT } }, faults.driver, clock)) as [
      RateLimitProvider,
    ];
    expect(await limits.allow('a', 'hot', { cost: 20 })).toMatchObject({ allowed: true, source: 'store' });
    const refused = await limits.allow('a', 'hot');
    expect(refused).toMatchObject({ allowed: false, source: 'lease', retryAfterMs: 20 });
    const before = [...faults.calls.values()].reduce((sum, count) => sum + count, 0);
    for (let n = 0; n < 50; n++) expect((await limits.allow('a', 'hot')).allowed).toBe(false);
    expect([...faults.calls.values()].reduce((sum, count) => sum + count, 0)).toBe(before);
    await clock.advance(20);
    expect((await limits.allow('a', 'hot')).allowed).toBe(true);
    expect((await limits.allow('a', 'hot', { cost: 21 })).retryAfterMs).toBe(Infinity);
  });

  it('take part in all or nothing', async () => {
    const clock = new FakeClock();
    const rules = { hot: HOT, other: { rate: 1, capacity: 1 } };
    const [limits] = (await openFleet(1, { rules }, await memory(clock), clock)) as [RateLimitProvider];
    const both = [
      { resource: 'a', rule: 'hot' },
      { resource: 'a', rule: 'other' },
    ];
    expect((await limits.allowAll(both)).allowed).toBe(true);
    const left = (await limits.peek('a', 'hot')).remaining;
    expect((await limits.allowAll(both)).allowed).toBe(false);
    expect((await limits.peek('a', 'hot')).remaining).toBe(left);
  });

  it('are given back by a refund, and forgotten by a reset', async () => {
    const clock = new FakeClock();
    const [limits] = (await openFleet(1, { rules: { hot: HOT } }, await memory(clock), clock)) as [
      RateLimitProvider,
    ];
    await limits.allow('a', 'hot', { cost: 5 });
    await limits.refund('a', 'hot', 5);
    expect((await limits.peek('a', 'hot')).remaining).toBe(20);
    await limits.reset('a', 'hot');
    expect((await limits.peek('a', 'hot')).remaining).toBe(20);
  });
});
