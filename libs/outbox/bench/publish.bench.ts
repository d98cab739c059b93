import { createDb } from '@infra-kit/db';
import { createMq } from '@infra-kit/mq';
import { createOutbox } from '@infra-kit/outbox';
import { launchPostgres } from '@infra-kit/testkit';
import { compare } from '@infra-kit/testkit/bench';
import { randomUUID } from 'node:crypto';

// durable: a commit waits for the disk, as it does in production
const server = await launchPostgres({ args: ['-c', 'fsync=on'] });
const db = await createDb({ url: server.url, slowQueryMs: 60_000 }, { env: 'test' });
const mq = await createMq({ driver: 'memory' }, { env: 'test' });
const outbox = await createOutbox({}, { db, mq, env: 'test' });
const unordered = await createOutbox({ orderPerKey: false }, { db, mq, env: 'test' });
const notifying = await createOutbox({ notify: true }, { db, mq, env: 'test' });

const PRODUCTS = 10_000;
await db.sql`create table stock (id integer primary key, stock integer not null)`;
await db.sql`insert into stock select n, 1000000000 from generate_series(0, ${PRODUCTS - 1}::int) n`;
await db.sql`create table orders (id uuid primary key, buyer text not null)`;
await db.sql`create table lines (id uuid primary key, order_id uuid not null, product integer not null)`;

/** Three statements, and nothing between them. */
async function order(): Promise<{ id: string; product: number }> {
  const id = randomUUID();
  const product = Math.floor(Math.random() * PRODUCTS);
  await db.sql`update stock set stock = stock - 1 where id = ${product}`;
  await db.sql`insert into orders values (${id}, ${'buyer'})`;
  await db.sql`insert into lines values (${randomUUID()}, ${id}, ${product})`;
  return { id, product };
}

const publishing = (box: typeof outbox) => () =>
  db.transaction(async () => {
    const made = await order();
    await box.publish('orders', { key: made.id, value: made });
  });

for (const concurrency of [8, 1])
  await compare({
    title: `outbox, a transaction of three statements on durable PostgreSQL, relay off, ${concurrency} in parallel`,
    concurrency,
    baseline: { name: 'without a message', run: () => db.transaction(order) },
    subjects: [
      { name: 'with a message', goal: '<= 1.4', run: publishing(outbox) },
      { name: 'with a message, orderPerKey: false', run: publishing(unordered) },
      { name: 'with a message, notify: true', run: publishing(notifying) },
    ],
  });
for (const box of [outbox, unordered, notifying]) await box.close();
await mq.close();
await db.close();
await server.stop();
