import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { createCache as createCacheManager } from 'cache-manager';
import { Redis } from 'ioredis';
import { createCache } from '@infra-kit/cache';
import { compare } from '@infra-kit/testkit/bench';

const url = process.env['INFRA_TEST_REDIS_URL'];
if (url === undefined) throw new Error('INFRA_TEST_REDIS_URL is not set; run npm run bench -- cache');

const KEYS = 1000;
const TTL_MS = 3_600_000;
const value = { id: 12_345, name: 'a value as services keep them', tags: ['a', 'b'], price: 9.99 };
const keys = Array.from({ length: KEYS }, (_, index) => `product:${index}`);

/** The least a first level can be: a Map, a time, no bound, one object for all readers. */
const bare = new Map<string, { value: unknown; expiresAt: number }>();
const bareGet = async (key: string): Promise<unknown> => {
  const entry = bare.get(key);
  if (entry === undefined) return undefined;
  if (entry.expiresAt > performance.now()) return entry.value;
  bare.delete(key);
  return undefined;
};

const near = { maxEntries: 10_000, ttlMs: TTL_MS };
const plain = await createCache({ url, near }, { env: 'production' });
const prefixed = await createCache({ url, near, keyPrefix: 'bench-near:' }, { env: 'production' });
const connection = new Redis(url);
const bus = { host: connection.options.host ?? '', port: connection.options.port ?? 0 };
/** Two levels as well: memory, Redis, and a bus that tells the other processes. */
const bento = new BentoCache({
  default: 'two',
  ttl: TTL_MS,
  stores: {
    two: bentostore()
      .useL1Layer(memoryDriver({ maxItems: 10_000 }))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection: bus })),
  },
});
/** Memory alone: nothing tells it of what others write. */
const manager = createCacheManager({ ttl: TTL_MS });
for (const key of keys) {
  await bento.set({ key, value });
  await manager.set(key, value);
  bare.set(key, { value, expiresAt: performance.now() + TTL_MS });
  for (const cache of [plain, prefixed]) await cache.set(key, value, { ttlMs: TTL_MS });
}
// until the news of these writes has come, and all is kept
for (const cache of [plain, prefixed])
  for (const key of keys) while ((await cache.get(key)) !== (await cache.get(key)));

let turn = 0;
const next = (): string => keys[turn++ % KEYS] ?? '';
const load = async (): Promise<typeof value> => value;
const options = { ttlMs: TTL_MS };

await compare({
  title: 'near cache: an awaited get, a hit',
  baseline: { name: 'Map with ttl', run: () => bareGet(next()) },
  subjects: [
    { name: 'cache.get', goal: '<= 1.5', run: () => plain.get(next()) },
    { name: 'cache.get, with a keyPrefix', goal: '<= 1.5', run: () => prefixed.get(next()) },
    { name: 'cache.getOrSet', run: () => plain.getOrSet(next(), load, options) },
    { name: 'bentocache, two levels: get', run: () => bento.get({ key: next() }) },
    {
      name: 'bentocache, two levels: getOrSet',
      run: () => bento.getOrSet({ key: next(), factory: load }),
    },
    { name: 'cache-manager, memory alone: get', run: () => manager.get(next()) },
    { name: 'cache-manager, memory alone: wrap', run: () => manager.wrap(next(), load) },
  ],
});
for (const cache of [plain, prefixed]) {
  await cache.delete(keys);
  await cache.close();
}
await bento.clear();
await bento.disconnectAll();
connection.disconnect();
