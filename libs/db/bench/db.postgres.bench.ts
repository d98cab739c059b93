import { createDb } from '@infra-kit/db';
import { InfraContext } from '@infra-kit/kernel';
import { createDatabase } from '@infra-kit/testkit';
import { compare } from '@infra-kit/testkit/bench';
import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import type { EntityManager } from '@mikro-orm/sql';

const Account = defineEntity({
  name: 'Account',
  properties: { id: p.integer().primary(), balance: p.integer() },
});
const ACCOUNTS = 1000;

const database = await createDatabase();
const db = await createDb(
  { url: database.url, entities: [Account], autoMigrate: true, slowQueryMs: 60_000 },
  { env: 'production' },
);
const orm = await MikroORM.init({
  clientUrl: database.url,
  entities: [Account],
  pool: { min: 0, max: 10 },
});
await db.sql`insert into account select n, 0 from generate_series(1, ${ACCOUNTS}) n`;

let turn = 0;
const next = (): number => (turn++ % ACCOUNTS) + 1;
/** One row read, changed and written: three statements and the round trips of begin and commit. */
const transfer = async (em: EntityManager): Promise<void> => {
  const account = await em.findOneOrFail(Account, { id: next() });
  account.balance++;
};
const empty = async (): Promise<void> => undefined;

for (const concurrency of [1, 8]) {
  await compare({
    title: `transaction: read a row, change it, commit; ${concurrency} at once`,
    measure: 'throughput',
    concurrency,
    baseline: { name: 'MikroORM, em.fork().transactional', run: () => orm.em.fork().transactional(transfer) },
    subjects: [
      { name: 'db.transaction', goal: '>= 0.95', run: () => db.transaction(transfer) },
      {
        name: 'db.transaction in a context with a deadline',
        run: () => InfraContext.run({ timeoutMs: 60_000 }, () => db.transaction(transfer)),
      },
    ],
  });
}
await compare({
  title: 'transaction without a statement',
  measure: 'throughput',
  baseline: { name: 'MikroORM, em.fork().transactional', run: () => orm.em.fork().transactional(empty) },
  subjects: [{ name: 'db.transaction', run: () => db.transaction(empty) }],
});
await compare({
  title: 'one row by a query',
  measure: 'throughput',
  baseline: {
    name: 'MikroORM, em.fork().execute',
    run: () => orm.em.fork().execute('select balance from account where id = ?', [next()]),
  },
  subjects: [{ name: 'db.sql', run: () => db.sql`select balance from account where id = ${next()}` }],
});

await db.close();
await orm.close();
await database.drop();
