import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDb, type DbOptions, type DbProvider } from '@infra-kit/db';
import { InfraContext } from '@infra-kit/kernel';
import { FakeClock, RecordingLogger } from '@infra-kit/kernel/testing';
import { createDatabase, FaultProxy, sharedPostgres, type OwnDatabase } from '@infra-kit/testkit';

/** Two databases, each with its own name in a table: what is read says which one was asked. */
describe('replicas', () => {
  let primary: OwnDatabase;
  let replica: OwnDatabase;
  beforeAll(async () => {
    [primary, replica] = [await createDatabase(), await createDatabase()];
    for (const [name, { url }] of [
      ['primary', primary],
      ['replica', replica],
    ] as const) {
      await using db = await createDb({ url }, { env: 'test' });
      await db.sql`create table who (name text)`;
      await db.sql`insert into who values (${name})`;
      await db.sql`create table notes (note text)`;
    }
  });
  afterAll(async () => {
    await primary.drop();
    await replica.drop();
  });

  const logger = new RecordingLogger();
  const clock = new FakeClock();
  const open = (options: DbOptions = {}): Promise<DbProvider> =>
    createDb({ url: primary.url, replicas: [replica.url], ...options }, { env: 'test', logger, clock });
  const who = async (db: DbProvider, options = {}): Promise<string | undefined> =>
    (
      await db.transaction(() => db.sql<{ name: string }>`select name from who`, {
        readOnly: true,
        ...options,
      })
    )[0]?.name;

  it('answer transactions that only read, through em and sql alike, and nothing else', async () => {
    await using db = await open();
    await InfraContext.run({}, async () => {
      expect(await who(db)).toBe('replica');
      const byManager = await db.transaction((em) => em.execute<{ name: string }[]>('select name from who'), {
        readOnly: true,
      });
      expect(byManager).toEqual([{ name: 'replica' }]);
      expect(await who(db, { readOnly: false })).toBe('primary');
    });
    await InfraContext.run({}, async () => {
      expect(await db.sql`select name from who`).toEqual([{ name: 'primary' }]);
      expect(await db.em().execute('select name from who')).toEqual([{ name: 'primary' }]);
    });
  });

  it.each<[string, (db: DbProvider) => Promise<unknown>]>([
    ['a transaction', (db) => db.transaction(async () => undefined)],
    ['sql', (db) => db.sql`insert into notes values ('a')`],
    ['the entity manager', (db) => db.em().execute(`update notes set note = 'b'`)],
    ['a context inside of it', (db) => InfraContext.run({}, () => db.sql`insert into notes values ('a')`)],
  ])(
    'leave the reads of a context to the primary for replicaLagMs after a write by %s',
    async (_by, write) => {
      await using db = await open();
      await InfraContext.run({}, async () => {
        expect(await who(db)).toBe('replica');
        await write(db);
        await clock.advance(999);
        expect(await who(db)).toBe('primary');
        expect(await InfraContext.detach(() => InfraContext.run({}, () => who(db)))).toBe('replica');
        await clock.advance(1);
        expect(await who(db)).toBe('replica');
      });
    },
  );

  it('count code outside of any context as one', async () => {
    await using db = await open({ replicaLagMs: 50 });
    expect(await who(db)).toBe('replica');
    await db.sql`insert into notes values ('a')`;
    expect(await who(db)).toBe('primary');
    await clock.advance(50);
    expect(await who(db)).toBe('replica');
  });

  it('never run a serializable transaction, which a hot standby refuses', async () => {
    await using db = await open();
    await InfraContext.run({}, async () => {
      expect(await who(db, { isolation: 'serializable' })).toBe('primary');
      expect(await who(db, { isolation: 'repeatable-read' })).toBe('replica');
    });
  });

  it('take turns', async () => {
    await using db = await open({ replicas: [replica.url, primary.url] });
    await InfraContext.run({}, async () => {
      expect([await who(db), await who(db), await who(db)]).toEqual(['replica', 'primary', 'replica']);
    });
  });

  it('that are away, at the start or later, leave their reads to the primary, with a warning, until they are back', async () => {
    const proxy = await FaultProxy.start(sharedPostgres());
    await proxy.refuse();
    logger.lines.length = 0;
    await using db = await open({ replicas: [proxy.through(replica.url)] });
    await InfraContext.run({}, async () => {
      expect(await who(db)).toBe('primary');
      expect(await who(db)).toBe('primary');
      expect(logger.said('a replica is away')).toMatchObject([
        { level: 'warn', fields: { address: expect.any(String) } },
      ]);
      expect(await db.health()).toMatchObject({
        status: 'degraded',
        detail: { servers: [{ status: 'down' }] },
      });
      await proxy.restore();
      await clock.advance(5000);
      expect(await who(db)).toBe('replica');
      expect(logger.said('answers again')).toHaveLength(1);
      expect(await db.health()).toMatchObject({ status: 'up', detail: { servers: [{ status: 'up' }] } });
      let runs = 0;
      const midway = db.transaction(
        async (em) => {
          runs++;
          await em.execute('select 1');
          if (runs === 1) proxy.reset();
          return em.execute<{ name: string }[]>('select name from who');
        },
        { readOnly: true },
      );
      expect(await midway).toEqual([{ name: 'primary' }]);
      expect(runs).toBe(2);
    });
    await proxy.close();
  });

  it('let the error of the caller come out as it is', async () => {
    await using db = await open();
    const own = new Error('mine');
    const failing = db.transaction(() => Promise.reject(own), { readOnly: true });
    await expect(failing).rejects.toBe(own);
  });
});
