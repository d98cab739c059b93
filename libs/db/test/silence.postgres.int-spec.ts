import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { createDb, type DbProvider } from '@infra-kit/db';
import { InfraContext } from '@infra-kit/kernel';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';
import { HushingRelay } from './fixtures/hushing-relay.js';

const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary() } });
const PATIENT_MS = 60_000;
const limit = { timeoutMs: 300 };

describe('a connection that falls silent', () => {
  let database: OwnDatabase;
  beforeAll(async () => {
    database = await createDatabase();
    await using maker = await open(database.url, true);
    await maker.ping();
  });
  afterAll(() => database.drop());

  const open = (url: string, autoMigrate = false): Promise<DbProvider> =>
    createDb(
      {
        url,
        entities: [Note],
        autoMigrate,
        slowQueryMs: 60_000,
        logLevel: 'silent',
        pool: { max: autoMigrate ? 2 : 1, acquireTimeoutMs: 30_000 },
      },
      { env: 'test' },
    );
  const relay = (): Promise<HushingRelay> => {
    const { hostname, port } = new URL(database.url);
    return HushingRelay.to({ host: hostname, port: Number(port) });
  };

  it.each<[string, (db: DbProvider) => Promise<unknown>]>([
    ['a statement of its own', (db) => db.sql.with(limit)`select 1`],
    ['a query through em()', (db) => InfraContext.run(limit, () => db.em().find(Note, {}))],
    ['BEGIN', (db) => db.transaction(async () => 1, limit)],
    ['ping', (db) => db.ping(limit)],
  ])(
    'has lost its slot in the pool to another soon after the limit: %s',
    async (_what, call) => {
      await using wire = await relay();
      await using db = await open(wire.through(database.url));
      await db.ping();
      wire.hush();
      await expect(call(db)).rejects.toThrow();
      await db.ping();
    },
    PATIENT_MS,
  );

  it.each<[string, (db: DbProvider) => Promise<unknown>]>([
    ['a statement', (db) => db.sql`select 1`],
    ['COMMIT', () => Promise.resolve()],
    ['a function that never settles', () => new Promise(() => undefined)],
  ])(
    'has lost its slot soon after the limit of a transaction: %s',
    async (_what, last) => {
      await using wire = await relay();
      await using db = await open(wire.through(database.url));
      const silent = db.transaction(async () => {
        await db.sql`select 1`;
        wire.hush();
        await last(db);
      }, limit);
      await expect(silent).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await db.ping();
    },
    PATIENT_MS,
  );

  it(
    'control: bare MikroORM keeps it, and every later query waits in vain',
    async () => {
      await using wire = await relay();
      const orm = await MikroORM.init({
        clientUrl: wire.through(database.url),
        entities: [Note],
        pool: { max: 1 },
        driverOptions: { connectionTimeoutMillis: 10_000 },
        discovery: { warnWhenNoEntities: false },
      });
      const em = orm.em.fork();
      await em.execute('select 1');
      wire.hush();
      const signal = AbortSignal.timeout(limit.timeoutMs);
      await expect(
        orm.em.fork({ signal, inflightQueryAbortStrategy: 'cancel query' }).execute('select 1'),
      ).rejects.toThrow('aborted');
      await expect(em.execute('select 1')).rejects.toThrow('timeout exceeded');
    },
    PATIENT_MS,
  );

  it(
    'does not hold up close, and what waits on it is told',
    async () => {
      await using wire = await relay();
      const db = await open(wire.through(database.url));
      const asked = Promise.withResolvers<void>();
      const silent = db.transaction(async () => {
        wire.hush();
        asked.resolve();
        return db.sql`select 1`;
      });
      await asked.promise;
      const queued = db.sql`select 1`;
      const seen = Promise.all(
        [silent, queued].map((call) => expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' })),
      );
      await db.close();
      await seen;
    },
    PATIENT_MS,
  );

  it('is not needed for a transaction whose limit passed while it waited: it is not begun', async () => {
    await using db = await open(database.url);
    const held = Promise.withResolvers<void>();
    const holder = db.transaction(() => held.promise);
    let ran = false;
    const late = db.transaction(async () => void (ran = true), { timeoutMs: 100 });
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    held.resolve();
    await holder;
    await db.transaction(async () => undefined);
    expect(ran).toBe(false);
  });
});
