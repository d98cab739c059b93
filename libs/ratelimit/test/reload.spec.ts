import { describe, expect, it } from '@jest/globals';
import { ReloadRegistry, type ConfigOutcome } from '@infra-kit/kernel';
import { FakeClock, RecordingLogger } from '@infra-kit/kernel/testing';
import type { RateLimitOptions } from '@infra-kit/ratelimit';
import { DRIVERS, open, type Bench, type DriverName } from './fixtures/limits.js';

async function reloadable(
  driver: DriverName,
  options: RateLimitOptions,
): Promise<Bench & { offer: (value: unknown) => Promise<ConfigOutcome> }> {
  const reload = new ReloadRegistry({ logger: new RecordingLogger(), clock: new FakeClock() });
  let revision = 0n;
  return {
    ...(await open(driver, options, { reload })),
    offer: (value) => reload.offer('ratelimit', 'default', { revision: ++revision, value }),
  };
}

describe.each(DRIVERS)('rules that change while running, driver %s', (driver) => {
  it('appear and vanish; what was spent stays spent', async () => {
    const { limits, offer } = await reloadable(driver, { rules: { a: { rate: 1, capacity: 3 } } });
    await limits.allow('x', 'a', { cost: 3 });
    expect((await offer({ rules: { b: { rate: 1, capacity: 1 } } })).status).toBe('applied');
    expect((await limits.allow('x', 'b')).allowed).toBe(true);
    await expect(limits.allow('x', 'a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await offer({ rules: { a: { rate: 1, capacity: 3 } } });
    expect((await limits.allow('x', 'a')).allowed).toBe(false);
  });

  it.each([
    ['slower', { rate: 1, perMs: 60_000, capacity: 10 }],
    ['faster', { rate: 1000, perMs: 1000, capacity: 10 }],
    ['in other units', { rate: 7, perMs: 86_400_000, capacity: 10 }],
  ])('a rate that becomes %s hands out no fresh burst', async (_how, changed) => {
    const { limits, offer } = await reloadable(driver, { rules: { a: { rate: 10, capacity: 10 } } });
    await limits.allow('x', 'a', { cost: 10 });
    await offer({ rules: { a: changed } });
    expect((await limits.allow('x', 'a')).allowed).toBe(false);
    expect((await limits.peek('x', 'a')).remaining).toBe(0);
  });

  it('a smaller capacity counts at once, a larger one adds what is new alone', async () => {
    const { limits, offer } = await reloadable(driver, { rules: { a: { rate: 1, capacity: 10 } } });
    await limits.allow('x', 'a', { cost: 8 });
    await offer({ rules: { a: { rate: 1, capacity: 5 } } });
    expect((await limits.allow('x', 'a')).allowed).toBe(false);
    await offer({ rules: { a: { rate: 1, capacity: 12 } } });
    expect((await limits.peek('x', 'a')).remaining).toBe(4);
  });

  it('a window of another length knows what the former one took', async () => {
    const window = { algorithm: 'sliding-window', rate: 5, capacity: 1 } as const;
    const { limits, offer } = await reloadable(driver, { rules: { a: window } });
    await limits.allow('x', 'a', { cost: 5 });
    await offer({ rules: { a: { ...window, perMs: 60_000 } } });
    expect((await limits.allow('x', 'a')).allowed).toBe(false);
  });

  it('another algorithm waits for a restart', async () => {
    const { limits, offer } = await reloadable(driver, { rules: { a: { rate: 1, capacity: 1 } } });
    await limits.allow('x', 'a');
    const outcome = await offer({ rules: { a: { algorithm: 'sliding-window', rate: 1, capacity: 1 } } });
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: ['rules.a.algorithm'] });
    expect((await limits.allow('x', 'a')).allowed).toBe(false);
  });

  it('another algorithm waits also for a rule that had vanished in between', async () => {
    const rule = { rate: 1, perMs: 60_000, capacity: 1 };
    const { limits, offer } = await reloadable(driver, { rules: { a: rule } });
    await limits.allow('x', 'a');
    await offer({ rules: {} });
    const outcome = await offer({ rules: { a: { ...rule, algorithm: 'sliding-window' } } });
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: ['rules.a.algorithm'] });
    expect((await limits.allow('x', 'a')).allowed).toBe(false);
  });

  it('a look at an account under a changed rule changes nothing', async () => {
    const window = { algorithm: 'sliding-window', rate: 5, capacity: 1 } as const;
    const bucket = { rate: 3, perMs: 1000, capacity: 5 };
    const { limits, offer, clock } = await reloadable(driver, { rules: { window, bucket } });
    for (const rule of ['window', 'bucket'])
      for (const resource of ['looked at', 'left alone']) await limits.allow(resource, rule, { cost: 5 });
    await offer({ rules: { window: { ...window, perMs: 60_000 }, bucket: { ...bucket, perMs: 60_000 } } });
    for (const rule of ['window', 'bucket']) await limits.peek('looked at', rule);
    await clock.advance(1500);
    for (const rule of ['window', 'bucket'])
      expect(await limits.peek('looked at', rule)).toEqual(await limits.peek('left alone', rule));
  });

  it('another scope waits for a restart: it has other accounts, all of them full', async () => {
    const rule = { rate: 1, perMs: 60_000, capacity: 2 };
    const { limits, offer } = await reloadable(driver, { rules: { a: rule } });
    await limits.allow('x', 'a', { cost: 2 });
    const outcome = await offer({ rules: { a: { ...rule, scope: 'local' } } });
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: ['rules.a.scope'] });
    expect((await limits.allow('x', 'a')).allowed).toBe(false);
    expect(
      (await offer({ rules: { a: { ...rule, capacity: 3, scope: 'distributed' } } })).restartRequired,
    ).toEqual([]);
    expect((await limits.peek('x', 'a')).remaining).toBe(1);
  });

  it('a bad document changes nothing; a structural field waits', async () => {
    const { limits, offer } = await reloadable(driver, { rules: { a: { rate: 1, capacity: 1 } } });
    for (const bad of [{ rules: { a: { rate: -1, capacity: 1 } } }, null, 'text', { bogus: 1 }])
      expect((await offer(bad)).status).toBe('refused');
    expect((await limits.allow('x', 'a')).allowed).toBe(true);
    expect((await offer({ maxKeys: 50 })).restartRequired).toEqual(['maxKeys']);
  });
});
