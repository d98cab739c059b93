import { createCache as createCacheManager } from 'cache-manager';
import { createCache } from '@infra-kit/cache';
import { compare } from '@infra-kit/testkit/bench';

const KEYS = 1000;
const TTL_MS = 3_600_000;
const value = { id: 12_345, name: 'a value as services keep them', tags: ['a', 'b'], price: 9.99 };
const keys = Array.from({ length: KEYS }, (_, index) => `product:${index}`);

/** The least a cache can be: a Map, a time, no bound, one object for all readers. */
const bare = new Map<string, { value: unknown; expiresAt: number }>();
const bareGet = async (key: string): Promise<unknown> => {
  const entry = bare.get(key);
  if (entry === undefined) return undefined;
  if (entry.expiresAt > performance.now()) return entry.value;
  bare.delete(key);
  return undefined;
};

const cache = await createCache({ driver: 'memory' }, { env: 'test' });
const manager = createCacheManager({ ttl: TTL_MS });
for (const key of keys) {
  bare.set(key, { value, expiresAt: performance.now() + TTL_MS });
  await cache.set(key, value, { ttlMs: TTL_MS });
  await manager.set(key, value, TTL_MS);
}

let turn = 0;
const next = (): string => keys[turn++ % KEYS] ?? '';

await compare({
  title: 'memory: awaited get, a hit',
  baseline: { name: 'Map with ttl, one shared object', run: () => bareGet(next()) },
  subjects: [
    { name: 'cache.get, a value of its own each time', run: () => cache.get(next()) },
    { name: 'cache-manager, one shared object', run: () => manager.get(next()) },
  ],
});
await compare({
  title: 'memory: get beside cache-manager',
  baseline: { name: 'cache-manager', run: () => manager.get(next()) },
  subjects: [
    { name: 'cache.get', run: () => cache.get(next()) },
    {
      name: 'cache.getOrSet, a hit',
      run: () => cache.getOrSet(next(), async () => value, { ttlMs: TTL_MS }),
    },
  ],
});
await compare({
  title: 'memory: set with a ttl beside cache-manager',
  baseline: { name: 'cache-manager', run: () => manager.set(next(), value, TTL_MS) },
  subjects: [{ name: 'cache.set', run: () => cache.set(next(), value, { ttlMs: TTL_MS }) }],
});
await cache.close();
