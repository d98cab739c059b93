import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDb, type DbProvider } from 'infra-kit';
import { eventually } from '@infra-kit/kernel/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';
import { find, order } from './buyers.js';
import { describeOrders } from './orders-behaviour.js';
import { startDemo, type RunningDemo } from './running-demo.js';

const made: OwnDatabase[] = [];
const database = async (): Promise<OwnDatabase> => {
  const own = await createDatabase();
  made.push(own);
  return own;
};
afterAll(async () => {
  for (const own of made) await own.drop();
});

describe('on a PostgreSQL server', () => {
  let one: OwnDatabase;
  let shards: readonly OwnDatabase[];
  beforeAll(async () => {
    one = await database();
    shards = [await database(), await database(), await database()];
  });
  describeOrders('orders and products in one database', () => ({ DATABASE_URL: one.url }));
  describeOrders('orders over two databases, products in a third', () => ({
    DATABASE_URL: shards[0]?.url ?? '',
    DATABASE_SHARD_URLS: shards
      .slice(1)
      .map(({ url }) => url)
      .join(),
  }));
});

describe('an instance that is killed between the sale and its order', () => {
  let own: OwnDatabase;
  let db: DbProvider;
  beforeAll(async () => {
    own = await database();
    db = await createDb({ url: own.url }, { env: 'test' });
  });
  afterAll(() => db.close());

  const sales = (): Promise<{ order_id: string; buyer: string; filed: boolean }[]> =>
    db.sql<{ order_id: string; buyer: string; filed: boolean }>`select order_id, buyer, filed from sales`;
  const start = (): Promise<RunningDemo> => startDemo({ DATABASE_URL: own.url });

  it('leaves goods that are sold and an order that another instance files, once', async () => {
    const killed = await start();
    // the gateway hangs: the goods are gone, the payment is waited for, the order is not written
    await fetch(`${killed.gatewayUrl}/mode`, { method: 'PUT', body: JSON.stringify({ mode: 'hang' }) });
    const lost = order(killed, 'carol', { productId: 'p-100', quantity: 2 }).catch(() => undefined);
    await eventually(async () => expect(await sales()).toMatchObject([{ filed: false }]));
    killed.child.kill('SIGKILL');
    await lost;
    const [sale] = await sales();
    const id = sale?.order_id ?? '';
    expect(sale).toMatchObject({ filed: false, buyer: 'carol' });

    const [one, two] = await Promise.all([start(), start()]);
    try {
      await eventually(async () => expect(await sales()).toMatchObject([{ filed: true }]), {
        withinMs: 60_000,
      });
      expect(await (await find(one, id, 'carol')).json()).toMatchObject({ id, quantity: 2, status: 'PAID' });
      expect(await (await find(two, id)).json()).toMatchObject({ id });
      expect(await db.sql`select stock from products where id = 'p-100'`).toEqual([{ stock: 198 }]);
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  }, 120_000);

  it('leaves one sale when its request is sent again under the same key', async () => {
    const killed = await start();
    await fetch(`${killed.gatewayUrl}/mode`, { method: 'PUT', body: JSON.stringify({ mode: 'hang' }) });
    const body = { productId: 'p-101', quantity: 1 };
    const lost = order(killed, 'dora', body, 'dora-1').catch(() => undefined);
    const mine = async (): Promise<string[]> =>
      (await sales()).filter(({ buyer }) => buyer === 'dora').map(({ order_id }) => order_id);
    await eventually(async () => expect(await mine()).toHaveLength(1));
    killed.child.kill('SIGKILL');
    await lost;

    const next = await start();
    try {
      const [stock] = await db.sql<{ stock: number }>`select stock from products where id = 'p-101'`;
      const retried = await order(next, 'dora', body, 'dora-1');
      expect(retried.status).toBe(201);
      expect(((await retried.json()) as { id: string }).id).toBe((await mine())[0]);
      expect(await mine()).toHaveLength(1);
      expect(await db.sql`select stock from products where id = 'p-101'`).toEqual([stock]);
      expect((await order(next, 'dora', { ...body, quantity: 2 }, 'dora-1')).status).toBe(422);
    } finally {
      await next.stop();
    }
  }, 120_000);
});
