import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { createDb, type DbProvider } from 'infra-kit';
import { eventually } from '@infra-kit/kernel/testing';
import {
  createDatabase,
  dropIndices,
  sharedElasticsearch,
  sharedEtcd,
  sharedKafka,
  sharedRedis,
  uniqueName,
  type OwnDatabase,
} from '@infra-kit/testkit';
import { find, order, search, type FoundOrder, type MadeOrder } from './buyers.js';
import { ON_SERVERS, startDemo, startFigures, type RunningDemo } from './running-demo.js';
import { startTraffic } from './traffic.js';

/** Two instances, one on each platform, which stay; each brings a process of the sales figures, and these share the events. */
describe('two instances on Redis, etcd, PostgreSQL, Kafka and Elasticsearch', () => {
  const shop = uniqueName('shop').toLowerCase();
  let database: OwnDatabase;
  let db: DbProvider;
  let demos: readonly [RunningDemo, RunningDemo];
  let doomed: readonly [RunningDemo, ChildProcess];
  beforeAll(async () => {
    database = await createDatabase();
    db = await createDb({ url: database.url }, { env: 'test' });
    const settings = {
      INFRA_SERVICE: shop,
      REDIS_URL: sharedRedis().url,
      ETCD_ENDPOINTS: sharedEtcd().endpoints.join(),
      DATABASE_URL: database.url,
      KAFKA_BROKERS: sharedKafka().brokers.join(),
      ELASTICSEARCH_URL: sharedElasticsearch().url,
    };
    demos = await Promise.all([
      startDemo(settings, ON_SERVERS),
      startDemo({ ...settings, HTTP_ADAPTER: 'fastify' }),
    ]);
    doomed = await Promise.all([startDemo(settings), startFigures(settings)]);
  }, 300_000);
  afterAll(async () => {
    expect(await Promise.all(demos.map((demo) => demo.stop()))).toEqual([0, 0]);
    await db.close();
    await database.drop();
    await dropIndices(sharedElasticsearch(), `${shop}-`);
  }, 60_000);

  it('keep every invariant under traffic, with a third one and its sales figures killed in between', async () => {
    const [third, figures] = doomed;
    const urls = [...demos, third].map(({ url }) => url).join();
    const { begun, result } = startTraffic('--url', urls, '--seed', '11');
    await begun;
    const handled = async (): Promise<number> =>
      (await db.sql`select 1 from infra_inbox where consumer = ${`${shop}-figures`}`).length;
    await eventually(async () => expect(await handled()).toBeGreaterThan(3), { withinMs: 60_000 });
    figures.kill('SIGKILL');
    third.child.kill('SIGKILL');
    expect((await result).verdict).toMatch(/^whole/);

    const sold = await db.sql`
      select product_id as "productId", count(*)::int as orders, sum(quantity)::int as quantity,
        sum(cents)::float8 as cents
      from sales group by 1 order by 1`;
    for (const { figuresUrl } of demos)
      await eventually(async () => expect(await (await fetch(figuresUrl)).json()).toEqual(sold), {
        withinMs: 90_000,
      });
  }, 300_000);

  it('answer the one for what was ordered at the other, and find it in English and Chinese', async () => {
    const [one, two] = demos;
    const body = { productId: 'p-104', quantity: 1 };
    const made = (await (await order(one, 'lin', body, 'pan-1')).json()) as MadeOrder;
    const again = await order(two, 'lin', body, 'pan-1');
    expect([again.headers.get('idempotent-replayed'), await again.json()]).toEqual(['true', made]);
    expect(await (await find(two, made.id, 'lin')).json()).toEqual(made);
    for (const text of ['iron pan', '铸铁锅'])
      await eventually(
        async () => {
          const [found] = await search<FoundOrder>(two, 'orders', text, 'lin');
          expect(found).toMatchObject({ orderId: made.id, titleZh: '铸铁锅' });
        },
        { withinMs: 30_000 },
      );
    expect(await search(two, 'products', '耳机')).toMatchObject([{ id: 'p-100' }]);
  }, 90_000);
});
