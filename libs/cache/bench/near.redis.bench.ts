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
for (const key of keys) {
  bare.set(key, { value, expiresAt: performance.now() + TTL_MS });
  for (const cache of [plain, prefixed]) await cache.set(key, value, { ttlMs: TTL_MS });
}
await new Promise((resolve) => setTimeout(resolve, 200));
for (const key of keys) for (const cache of [plain, prefixed]) await cache.get(key);

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
  ],
});
for (const cache of [plain, prefixed]) {
  await cache.delete(keys);
  await cache.close();
}
