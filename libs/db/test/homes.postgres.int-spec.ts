import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { createDb } from '@infra-kit/db';
import { createDatabase, type OwnDatabase, until } from '@infra-kit/testkit';

const Sale = defineEntity({
  name: 'Sale',
  properties: { id: p.integer().primary(), userId: p.integer() },
});
const Shelf = defineEntity({ name: 'Shelf', properties: { id: p.integer().primary() } });

describe('databases of an application', () => {
  let databases: [OwnDatabase, OwnDatabase, OwnDatabase];
  beforeAll(async () => {
    databases = [await createDatabase(), await createDatabase(), await createDatabase()];
  });
  afterAll(async () => {
    for (const database of databases) await database.drop();
  });

  it('a url beside servers of shards is the home of what is not sharded', async () => {
    const [home, east, west] = databases;
    await using db = await createDb(
      {
        url: home.url,
        entities: [Sale, Shelf],
        autoMigrate: true,
        slowQueryMs: 60_000,
        sharding: {
          servers: [
            { name: 'east', url: east.url },
            { name: 'west', url: west.url },
          ],
          tables: { sale: { key: 'userId' } },
          shards: 4,
        },
      },
      { env: 'test' },
    );
    await db.transaction(async (em) => void em.create(Shelf, { id: 1 }));
    for (const userId of [1, 2, 3, 4, 5, 6, 7, 8])
      await db.shards.of(userId).transaction(async (em) => void em.create(Sale, { id: userId, userId }));
    const tables = async ({ url }: OwnDatabase): Promise<unknown> => {
      await using one = await createDb({ url, autoMigrate: false }, { env: 'test' });
      return await one.sql`select distinct table_name as name from information_schema.tables
        where table_name in ('sale', 'shelf') order by 1`;
    };
    expect(await tables(home)).toEqual([{ name: 'shelf' }]);
    for (const server of [east, west]) expect(await tables(server)).toEqual([{ name: 'sale' }]);
    expect(new Set(db.shards.info().map(({ server }) => server))).toEqual(new Set(['east', 'west']));
  });

  it('connections above pool.min are closed when they have idled for idleTimeoutMs', async () => {
    await using db = await createDb(
      { url: databases[0].url, autoMigrate: false, pool: { min: 2, max: 4, idleTimeoutMs: 200 } },
      { env: 'test' },
    );
    const connections = async (): Promise<unknown> =>
      Reflect.get(Object((await db.health()).detail['pool']), 'connections');
    const held = Promise.withResolvers<void>();
    let inside = 0;
    const holders = [1, 2, 3, 4].map(() =>
      db.transaction(async () => {
        if (++inside === 4) held.resolve();
        await held.promise;
      }),
    );
    await Promise.all(holders);
    expect(await connections()).toBe(4);
    await until('two are closed', async () => (await connections()) === 2);
    const [row] = await db.sql<{ count: number }>`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend'`;
    expect(row?.count).toBe(2);
  });
});
