import { expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { seededRandom } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { encodeName, exchangeViews } from '../src/share/exchange-views.script.js';
import { describeSharing } from './share.suite.js';

const keyPrefix = uniquePrefix('breaker');
const onRedis = (): Promise<CacheProvider> =>
  createCache({ ...PATIENT, driver: 'redis', url: sharedRedis().url, keyPrefix }, { env: 'test' });

describeSharing('breakers shared on Redis', onRedis);

it('the script and its twin count alike, whatever instances report', async () => {
  const random = seededRandom();
  const caches = [await createCache({ driver: 'memory' }, { env: 'test' }), await onRedis()];
  for (let sequence = 0; sequence < 20; sequence++)
    for (let step = 0; step < 40; step++) {
      const failing = ['pay', 'mail', encodeName('支付 1')].filter(() => random.next() < 0.4);
      const args = [random.pick(['a', 'b', 'c']), 30_000, ...failing];
      const [twin, lua] = await Promise.all(
        caches.map((cache) => cache.scripts.run(exchangeViews, [`twins:${sequence}`], args)),
      );
      // names in the order in which they were reported; ends are times, and not compared
      expect([...(twin ?? [])]).toEqual([...(lua ?? [])]);
    }
  for (const cache of caches) await cache.close();
});

it('the views of a service that stopped leave nothing behind', async () => {
  const cache = await onRedis();
  const counts = await cache.scripts.run(exchangeViews, ['leaving'], ['gone', 50, 'pay']);
  expect([...counts]).toEqual([['pay', 1]]);
  expect(await cache.ttlMs('leaving')).toBeLessThanOrEqual(50);
  await cache.close();
});
