import { Redis } from 'ioredis';
import { createCache } from '@infra-kit/cache';
import { createRateLimit } from '@infra-kit/ratelimit';
import { compare } from '@infra-kit/testkit/bench';

const url = process.env['INFRA_TEST_REDIS_URL'];
if (url === undefined) throw new Error('INFRA_TEST_REDIS_URL is not set; run npm run bench -- ratelimit');

const bare = new Redis(url);
const cache = await createCache({ url, keyPrefix: 'bench:rl:' }, { env: 'test' });
const limits = await createRateLimit(
  {
    storeTimeoutMs: 5000, // a busy machine must not be answered by the fallback
    rules: {
      exact: { rate: 1e8, capacity: 1e9 },
      leased: { rate: 1e8, capacity: 1e9, lease: { size: 1e6, ttlMs: 60_000 } },
    },
  },
  { cache, env: 'test' },
);
const many = Array.from({ length: 1000 }, (_, index) => `user:${index}`);
let turn = 0;
const next = (): string => many[turn++ % many.length] ?? '';

for (const [keys, key] of [
  ['one key', () => 'hot'],
  ['1,000 keys', next],
] as const)
  await compare({
    title: `rate limits in Redis, exact, ${keys}, 64 in flight`,
    measure: 'throughput',
    concurrency: 64,
    baseline: { name: 'ioredis: SET with PX', run: () => bare.set(`bench:set:${key()}`, '1', 'PX', 60_000) },
    subjects: [{ name: 'allow', goal: '>= 0.9', run: () => limits.allow(key(), 'exact') }],
  });

await compare({
  title: 'rate limits in Redis, a lease against exact, one key, 64 in flight',
  measure: 'throughput',
  concurrency: 64,
  baseline: { name: 'allow, exact', run: () => limits.allow('hot', 'exact') },
  subjects: [{ name: 'allow, by a lease', goal: '>= 20', run: () => limits.allow('hot', 'leased') }],
});

await limits.close();
await cache.deleteByPrefix('');
await cache.close();
bare.disconnect();
