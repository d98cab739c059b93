import { BentoCache, bentostore } from 'bentocache';
import { redisDriver } from 'bentocache/drivers/redis';
import { Redis } from 'ioredis';
import { createCache } from '@infra-kit/cache';
import { compare } from '@infra-kit/testkit/bench';

const url = process.env['INFRA_TEST_REDIS_URL'];
if (url === undefined) throw new Error('INFRA_TEST_REDIS_URL is not set; run npm run bench -- cache');

const value = {
  id: 12_345,
  name: 'a value as services keep them',
  tags: ['a', 'b'],
  price: 9.99,
  at: '2026-01-01T00:00:00Z',
};
const TTL_MS = 60_000;

const bare = new Redis(url);
const cache = await createCache({ url, keyPrefix: 'bench:' }, { env: 'test' });
/** Redis alone, as ours here. cache-manager has no store for Redis of its own. */
const bento = new BentoCache({
  default: 'one',
  stores: { one: bentostore().useL2Layer(redisDriver({ connection: bare })) },
});
await bento.set({ key: 'get', value, ttl: '1h' });
await cache.set('get', value, { ttlMs: 3_600_000 });

for (const concurrency of [1, 64]) {
  const how = concurrency === 1 ? 'one at a time' : `${concurrency} in flight`;
  await compare({
    title: `cache over Redis: get, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: {
      name: 'ioredis: get and JSON.parse',
      run: async () => JSON.parse((await bare.get('bench:get')) ?? 'null') as unknown,
    },
    subjects: [
      { name: 'cache.get', goal: '>= 0.9', run: () => cache.get('get') },
      {
        name: 'cache.getOrSet, a hit',
        run: () => cache.getOrSet('get', async () => value, { ttlMs: TTL_MS }),
      },
      { name: 'bentocache: get', run: () => bento.get({ key: 'get' }) },
      {
        name: 'bentocache: getOrSet, a hit',
        run: () => bento.getOrSet({ key: 'get', factory: async () => value, ttl: TTL_MS }),
      },
    ],
  });
  await compare({
    title: `cache over Redis: set with a ttl, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: {
      name: 'ioredis: JSON.stringify and set',
      run: () => bare.set('bench:set', JSON.stringify(value), 'PX', TTL_MS),
    },
    subjects: [
      { name: 'cache.set', goal: '>= 0.9', run: () => cache.set('set', value, { ttlMs: TTL_MS }) },
      { name: 'bentocache: set', run: () => bento.set({ key: 'set', value, ttl: TTL_MS }) },
    ],
  });
}
await cache.deleteByPrefix('');
await cache.close();
await bento.clear();
bare.disconnect();
