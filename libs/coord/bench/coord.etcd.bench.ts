import { Etcd3 } from 'etcd3';
import { createCoord } from '@infra-kit/coord';
import { compare } from '@infra-kit/testkit/bench';

const endpoint = process.env['INFRA_TEST_ETCD_ENDPOINTS']?.split(',')[0];
if (endpoint === undefined)
  throw new Error('INFRA_TEST_ETCD_ENDPOINTS is not set; run npm run bench -- coord');

const TTL_MS = 10_000;
const bare = new Etcd3({ hosts: endpoint });
const coord = await createCoord({ endpoints: [endpoint], prefix: '/bench' }, { env: 'test' });
let turn = 0;

for (const concurrency of [1, 16]) {
  await compare({
    title: `lock and unlock, ${concurrency === 1 ? 'one at a time' : `${concurrency} keys at once`}`,
    measure: 'throughput',
    concurrency,
    baseline: {
      name: "etcd3's own lock",
      run: async () => {
        const lock = bare.lock(`bench/${++turn % 1000}`).ttl(TTL_MS / 1000);
        await lock.acquire();
        await lock.release();
      },
    },
    subjects: [
      {
        name: 'coord.locks.acquire',
        run: async () => {
          const lock = await coord.locks.acquire(`bench/${++turn % 1000}`, { ttlMs: TTL_MS });
          await lock.release();
        },
      },
      {
        name: 'coord.locks.tryAcquire',
        run: async () => {
          const lock = await coord.locks.tryAcquire(`bench/${++turn % 1000}`, { ttlMs: TTL_MS });
          await lock?.release();
        },
      },
    ],
  });
}
await coord.close();
bare.close();
