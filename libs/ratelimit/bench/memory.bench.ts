import { RateLimiterMemory } from 'rate-limiter-flexible';
import { createRateLimit } from '@infra-kit/ratelimit';
import { compare } from '@infra-kit/testkit/bench';

const limits = await createRateLimit(
  {
    driver: 'memory',
    rules: {
      bucket: { rate: 1e8, capacity: 1e9 },
      window: { algorithm: 'sliding-window', rate: 1e8, capacity: 1e8, perMs: 1000 },
    },
  },
  { env: 'test' },
);
const flexible = new RateLimiterMemory({ points: 1e9, duration: 1 });
const many = Array.from({ length: 1000 }, (_, index) => `user:${index}`);
let turn = 0;
const next = (): string => many[turn++ % many.length] ?? '';

for (const [keys, key] of [
  ['one key', () => 'hot'],
  ['1,000 keys', next],
] as const)
  await compare({
    title: `rate limits in memory, ${keys}`,
    measure: 'throughput',
    baseline: { name: 'rate-limiter-flexible', run: () => flexible.consume(key()) },
    subjects: [
      { name: 'allow, token bucket', goal: '>= 1', run: () => limits.allow(key(), 'bucket') },
      { name: 'allow, sliding window', run: () => limits.allow(key(), 'window') },
    ],
  });
await limits.close();
