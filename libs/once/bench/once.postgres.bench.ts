import { createDb } from '@infra-kit/db';
import { createOnce } from '@infra-kit/once';
import { compare } from '@infra-kit/testkit/bench';
import { randomUUID } from 'node:crypto';

const url = process.env['INFRA_TEST_DATABASE_URL'];
if (url === undefined) throw new Error('INFRA_TEST_DATABASE_URL is not set; run npm run bench -- once');

const db = await createDb({ url }, { env: 'test' });
await db.sql`drop table if exists bench_orders, bench_lines, bench_stock`;
await db.sql`create table bench_stock (id integer primary key, stock integer)`;
await db.sql`create table bench_orders (id text primary key, buyer text)`;
await db.sql`create table bench_lines (order_id text references bench_orders, product integer)`;
await db.sql`insert into bench_stock select n, 1000000000 from generate_series(0, 9999) n`;
const once = await createOnce({ store: 'db' }, { db, env: 'test' });

/** What an order of a shop does: three statements, of which each order has its own rows. */
async function order(): Promise<{ id: string; left: number | undefined }> {
  const [id, product] = [randomUUID(), Math.floor(Math.random() * 10_000)];
  const [row] = await db.sql<{ stock: number }>`
    update bench_stock set stock = stock - 1 where id = ${product} returning stock`;
  await db.sql`insert into bench_orders values (${id}, ${'buyer'})`;
  await db.sql`insert into bench_lines values (${id}, ${product})`;
  return { id, left: row?.stock };
}
await once.execute('replayed', order);

for (const concurrency of [1, 8]) {
  const how = concurrency === 1 ? 'one at a time' : `${concurrency} in flight`;
  await compare({
    title: `once, db store, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: { name: 'plain transaction of three statements', run: () => db.transaction(order) },
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
await once.close();
await db.sql`drop table bench_orders, bench_lines, bench_stock, infra_once`.catch(() => undefined);
await db.close();
