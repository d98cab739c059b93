import { describe, expect, it } from '@jest/globals';
import { ReloadRegistry } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { createBreaker, type BreakerOptions } from '../src/index.js';
import { fail, succeed } from './breakers.js';
import { QuietLogger } from './quiet-logger.js';

async function scene(options: BreakerOptions) {
  const clock = new FakeClock();
  const logger = new QuietLogger();
  const reload = new ReloadRegistry({ logger, clock });
  const provider = await createBreaker(options, { env: 'test', clock, logger, reload });
  let revision = 0n;
  return {
    provider,
    offer: (value: unknown) => reload.offer('breaker', 'default', { revision: ++revision, value }),
    attempt: async (name: string, ...calls: (() => Promise<unknown>)[]) => {
      for (const call of calls)
        await provider
          .get(name)
          .execute(call)
          .catch(() => undefined);
    },
  };
}

describe('a new configuration', () => {
  it('reaches breakers in place, and counts survive where the window keeps its shape', async () => {
    const { provider, offer, attempt } = await scene({ default: { window: { type: 'count', size: 20 } } });
    await attempt('pay', fail, fail, succeed);
    await offer({ default: { failureThreshold: 3 } });
    expect(provider.get('pay').snapshot()).toMatchObject({ calls: 3, failures: 2 });
    await attempt('pay', fail, fail);
    expect(provider.get('pay').state).toBe('closed');
    await attempt('pay', fail);
    expect(provider.get('pay').state).toBe('open');
  });

  it.each([
    { type: 'count', size: 21 },
    { type: 'time', ms: 20, buckets: 2 },
  ])('with a window of another shape (%j) begins to count anew', async (window) => {
    const { provider, offer, attempt } = await scene({ default: { window: { type: 'count', size: 20 } } });
    await attempt('pay', fail, succeed);
    await offer({ default: { window } });
    expect(provider.get('pay').snapshot()).toMatchObject({ state: 'closed', calls: 0 });
  });

  it('leaves an open breaker open and an isolated one isolated; enabled: false lets calls pass', async () => {
    const { provider, offer, attempt } = await scene({ default: { failureThreshold: 1 } });
    await attempt('pay', fail);
    provider.get('mail').isolate();
    await offer({ default: { failureRate: 0.9 } });
    expect(provider.all().map(({ state }) => state)).toEqual(['open', 'isolated']);
    await offer({ default: { enabled: false } });
    expect(provider.all().map(({ state }) => state)).toEqual(['disabled', 'isolated']);
    await offer({ default: {} });
    expect(provider.all().map(({ state }) => state)).toEqual(['closed', 'isolated']);
  });

  it('overrides what it names, and keeps the rest of what the code said, functions included', async () => {
    const { provider, offer, attempt } = await scene({
      default: { isFailure: () => false },
      policies: { pay: { failureThreshold: 1, isFailure: () => true } },
    });
    await offer({ policies: { pay: { timeoutMs: 500 }, mail: { failureThreshold: 1 } } });
    await attempt('pay', fail);
    await attempt('mail', fail);
    expect([provider.get('pay').state, provider.get('mail').state]).toEqual(['open', 'closed']);
  });

  it('that is bad is refused whole, every field named, and the last good one stays', async () => {
    const { provider, offer, attempt } = await scene({ default: { failureThreshold: 2 } });
    provider.get('own', { minimumCalls: 50 });
    const outcome = await offer({
      default: { failureThreshold: 1, failureRate: 3 },
      policies: { pay: { timeoutMs: 0 } },
    });
    expect(outcome).toMatchObject({
      status: 'refused',
      errors: [
        expect.stringContaining('default.failureRate'),
        expect.stringContaining('policies.pay.timeoutMs'),
      ],
    });
    const misfit = await offer({ default: { window: { type: 'count', size: 20 } } });
    expect(misfit).toMatchObject({
      status: 'refused',
      errors: [expect.stringContaining("'own': minimumCalls")],
    });
    await attempt('pay', fail);
    expect(provider.get('pay').state).toBe('closed');
  });

  it('that turns sharing on waits for a restart, and says so', async () => {
    const { offer } = await scene({});
    expect(await offer({ share: { quorum: 2 } })).toMatchObject({
      status: 'applied',
      restartRequired: ['share'],
    });
  });
});
