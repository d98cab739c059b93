import { defineEntity, LockMode, p } from '@mikro-orm/core';
import { createDb } from '@infra-kit/db';
import { createOnce } from '@infra-kit/once';
import { compare } from '@infra-kit/testkit/bench';
import { randomUUID } from 'node:crypto';

const url = process.env['INFRA_TEST_DATABASE_URL'];
if (url === undefined) throw new Error('INFRA_TEST_DATABASE_URL is not set; run npm run bench -- once');

const Stock = defineEntity({
  name: 'BenchStock',
  tableName: 'bench_stock',
  properties: { id: p.integer().primary(), stock: p.integer() },
});
const Order = defineEntity({
  name: 'BenchOrder',
  tableName: 'bench_orders',
  properties: { id: p.uuid().primary(), buyer: p.string() },
});
const Line = defineEntity({
  name: 'BenchLine',
  tableName: 'bench_lines',
  properties: { id: p.uuid().primary(), order: () => p.manyToOne(Order), product: p.integer() },
});

const PRODUCTS = 10_000;
const db = await createDb({ url, entities: [Stock, Order, Line], autoMigrate: true }, { env: 'test' });
await db.sql`insert into bench_stock select n, 1000000000 from generate_series(0, ${PRODUCTS - 1}::int) n
  on conflict do nothing`;
const once = await createOnce({ store: 'db' }, { db, env: 'test' });

/** An order as the entity manager writes it: a row read and locked, one changed, two inserted. */
async function order(): Promise<{ id: string; left: number }> {
  const em = db.em();
  const id = randomUUID();
  const product = await em.findOneOrFail(
    Stock,
    { id: Math.floor(Math.random() * PRODUCTS) },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  product.stock -= 1;
  const made = em.create(Order, { id, buyer: 'buyer' });
  em.create(Line, { id: randomUUID(), order: made, product: product.id });
  await em.flush();
  return { id, left: product.stock };
}

/** The least an order can be: three statements, and nothing between them. */
async function bare(): Promise<{ id: string }> {
  const id = randomUUID();
  await db.sql`update bench_stock set stock = stock - 1 where id = ${Math.floor(Math.random() * PRODUCTS)}`;
  await db.sql`insert into bench_orders values (${id}, ${'buyer'})`;
  await db.sql`insert into bench_lines values (${randomUUID()}, ${id}, ${1})`;
  return { id };
}
await once.execute('replayed', order);

for (const concurrency of [1, 8]) {
  const how = concurrency === 1 ? 'one at a time' : `${concurrency} in flight`;
  await compare({
    title: `once, db store, an order by the entity manager, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: { name: 'plain transaction', run: () => db.transaction(order) },
    subjects: [
      {
        name: 'the same under a new key',
        goal: '>= 0.7',
        run: () => once.execute(randomUUID(), order, { fingerprint: { product: 1 } }),
      },
      { name: 'a replay', run: () => once.execute('replayed', order) },
    ],
  });
}
await compare({
  title: 'once, db store, three bare statements, one at a time',
  measure: 'throughput',
  baseline: { name: 'plain transaction', run: () => db.transaction(bare) },
  subjects: [{ name: 'the same under a new key', run: () => once.execute(randomUUID(), bare) }],
});
await once.close();
await db.sql`drop table bench_lines, bench_orders, bench_stock, infra_once`;
await db.close();
