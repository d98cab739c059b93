import { Redis } from 'ioredis';
import { createCache } from '@infra-kit/cache';
import { createOnce } from '@infra-kit/once';
import { compare } from '@infra-kit/testkit/bench';

// @node-idempotency/nestjs is not beside it: its peers are @nestjs/common 9 and 10, so it does not install on Nest 12.

const url = process.env['INFRA_TEST_REDIS_URL'];
if (url === undefined) throw new Error('INFRA_TEST_REDIS_URL is not set; run npm run bench -- once');

const bare = new Redis(url);
const cache = await createCache({ url, keyPrefix: 'bench:' }, { env: 'test' });
const once = await createOnce({ storeTimeoutMs: 10_000, ttlMs: 60_000 }, { cache, env: 'test' });
const answer = { status: 201, headers: { location: '/orders/7' }, body: { id: 7, lines: [1, 2, 3] } };
let keys = 0;
await once.execute('replayed', async () => answer);

/** Commands the server has run for it, by its own count. */
async function roundTrips(run: () => Promise<unknown>): Promise<number> {
  const count = async (): Promise<number> => {
    const stats = await bare.info('commandstats');
    return [...stats.matchAll(/cmdstat_evalsha:calls=(\d+)/g)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  };
  const before = await count();
  for (let n = 0; n < 100; n++) await run();
  return ((await count()) - before) / 100;
}
const first = (): Promise<unknown> => once.execute(`key ${keys++}`, async () => answer);
const replay = (): Promise<unknown> => once.execute('replayed', async () => answer);
console.log(
  `once, cache store: ${await roundTrips(first)} round trips the first time, ${await roundTrips(replay)} on replay`,
);

for (const concurrency of [1, 64]) {
  const how = concurrency === 1 ? 'one at a time' : `${concurrency} in flight`;
  await compare({
    title: `once, cache store, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: {
      name: 'by hand: SET NX, then SET, no lease, no fence',
      run: async () => {
        const key = `bench:by hand ${keys++}`;
        await bare.set(key, 'running', 'PX', 60_000, 'NX');
        await bare.set(key, JSON.stringify(answer), 'PX', 60_000);
      },
    },
    subjects: [{ name: 'once.execute, a new key', run: first }],
  });
  await compare({
    title: `once, cache store, replays, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: {
      name: 'by hand: SET NX, GET and JSON.parse',
      run: async () => {
        await bare.set('bench:known', JSON.stringify(answer), 'NX');
        return JSON.parse((await bare.get('bench:known')) ?? 'null') as unknown;
      },
    },
    subjects: [{ name: 'once.execute, a replay', run: replay }],
  });
}
await once.close();
await cache.close();
await bare.quit();
