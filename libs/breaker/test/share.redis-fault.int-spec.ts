import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { eventually } from '@infra-kit/kernel/testing';
import { launchRedis, type RunningServer } from '@infra-kit/testkit';
import { succeed } from './breakers.js';
import { instance, type Instance } from './share.suite.js';

let redis: RunningServer;
let caches: CacheProvider[];
let fleet: Instance[];
beforeAll(async () => {
  redis = await launchRedis();
  const cacheOf = (): Promise<CacheProvider> =>
    createCache({ driver: 'redis', url: redis.url }, { env: 'test' });
  caches = [await cacheOf(), await cacheOf()];
  const share = { quorum: 1, intervalMs: 1000 };
  fleet = await Promise.all(caches.map((cache) => instance(cache, { share })));
});
afterAll(async () => {
  await redis.resume().catch(() => undefined);
  await Promise.all(fleet.map(({ provider }) => provider.close()));
  await Promise.all(caches.map((cache) => cache.close()));
  await redis.stop();
});

const exchange = (): Promise<unknown> => Promise.all(fleet.map(({ clock }) => clock.advance(1000)));

it.each(['paused', 'killed'] as const)(
  'with Redis %s every instance decides by itself, calls are not held up, and sharing comes back',
  async (fault) => {
    const [one, two] = fleet as [Instance, Instance];
    const name = `payment ${fault}`;
    for (const { provider } of fleet) provider.get(name);
    await (fault === 'paused' ? redis.pause() : redis.kill());
    await one.trip(name);
    await eventually(
      async () => {
        await exchange();
        expect(await one.provider.health()).toMatchObject({
          detail: { share: expect.stringContaining('locally') },
        });
      },
      { withinMs: 20_000 },
    );
    expect(one.provider.get(name).state).toBe('open');
    expect(await two.provider.get(name).execute(succeed)).toBe('answer');
    await (fault === 'paused' ? redis.resume() : redis.restart());
    // the control: the same opening does reach the other one when the cache is there
    await eventually(
      async () => {
        await exchange();
        expect(two.provider.get(name).state).toBe('open');
      },
      { withinMs: 20_000 },
    );
  },
  60_000,
);
