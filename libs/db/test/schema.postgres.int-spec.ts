import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { createDb, type DbOptions, type DbProvider } from '@infra-kit/db';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';
import { SCHEMA_LOCK } from '../src/schema/auto-migrate.js';
import { Child } from './fixtures/child.js';
import { RecordingLogger } from '@infra-kit/kernel/testing';

const path = join(import.meta.dirname, 'fixtures', 'migrations');
const [first, second] = ['Migration20260101000001', 'Migration20260101000002'];

let database: OwnDatabase;
beforeEach(async () => {
  database = await createDatabase();
});
afterEach(() => database.drop());
const logger = new RecordingLogger();
const open = (options: DbOptions = {}): Promise<DbProvider> =>
  createDb({ url: database.url, autoMigrate: false, ...options }, { env: 'test', logger });

/** Two processes that migrate at the same moment: what each says, and what has happened. */
async function twoAtOnce(bare: string): Promise<{ said: unknown[]; ran: unknown }> {
  await using one = new Child('migrator.mjs', [database.url, path, bare]);
  await using two = new Child('migrator.mjs', [database.url, path, bare]);
  const both = [one, two];
  expect(await Promise.all(both.map((child) => child.answer()))).toEqual(['ready', 'ready']);
  for (const child of both) child.go();
  const said = await Promise.all(both.map((child) => child.answer()));
  await using db = await open();
  return { said, ran: await db.sql`select name from ran order by name` };
}

describe('migrations', () => {
  it('run up, and down again one by one or until a name', async () => {
    await using db = await open({ migrations: { path } });
    const ran = async (): Promise<unknown[]> =>
      (await db.sql<{ name: string }>`select name from ran order by name`).map(({ name }) => name);
    expect(await db.migrate('up', { to: first })).toEqual([first]);
    expect(await db.migrate()).toEqual([second]);
    expect(await db.migrate()).toEqual([]);
    expect(await ran()).toEqual(['1', '2']);
    expect(await db.migrate('down')).toEqual([second]);
    expect(await ran()).toEqual(['1']);
    expect(await db.migrate('up')).toEqual([second]);
    expect(await db.migrate('down', { to: first })).toEqual([second]);
    expect(await ran()).toEqual(['1']);
    expect(await db.migrate('down')).toEqual([first]);
    expect(await ran()).toEqual([]);
  });

  it('run once when two processes begin at once: the other waits and finds nothing to do', async () => {
    const { said, ran } = await twoAtOnce('');
    expect(said).toEqual(expect.arrayContaining([[first, second], []]));
    expect(ran).toEqual([{ name: '1' }, { name: '2' }]);
  });

  it('run twice, or fail, without the lock (control)', async () => {
    const { said, ran } = await twoAtOnce('bare');
    expect({ said: said.map((each) => JSON.stringify(each)).toSorted(), ran }).not.toEqual({
      said: [JSON.stringify([first, second]), '[]'],
      ran: [{ name: '1' }, { name: '2' }],
    });
  });

  it('wait for their turn within the limit of the call, and leave no waiter behind', async () => {
    await using db = await open({ migrations: { path }, statementTimeoutMs: 400 });
    await db.transaction(async () => {
      await db.sql`select pg_advisory_lock(${SCHEMA_LOCK})`;
      await expect(db.migrate('up', { timeoutMs: 1000 })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
      await db.sql`select pg_advisory_unlock(${SCHEMA_LOCK})`;
    });
    expect(await db.sql`select objid from pg_locks where locktype = 'advisory'`).toEqual([]);
    await expect(db.migrate('up', { to: 'nonsense' })).rejects.toThrow();
    expect(await db.sql`select objid from pg_locks where locktype = 'advisory'`).toEqual([]);
  });

  it('are refused without a folder, without a second connection, and in no third direction', async () => {
    await using db = await open();
    await expect(db.migrate()).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('migrations.path'),
    });
    await expect(db.migrate('sideways' as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await using narrow = await open({ migrations: { path }, pool: { max: 1 } });
    await expect(narrow.migrate()).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('pool.max'),
    });
  });
});

const Chair = defineEntity({
  name: 'Chair',
  properties: { id: p.integer().primary(), legs: p.integer(), colour: p.string().unique() },
});

describe('autoMigrate', () => {
  it('of four instances that start at once makes the schema once', async () => {
    const opened = await Promise.all([1, 2, 3, 4].map(() => open({ entities: [Chair], autoMigrate: true })));
    expect(await Promise.all(opened.map((db) => db.autoMigrate({ dryRun: true })))).toEqual([[], [], [], []]);
    await Promise.all(opened.map((db) => db.close()));
  });

  it('without the lock fails some of them (control)', async () => {
    const opened = await Promise.all([1, 2, 3, 4].map(() => open({ entities: [Chair] })));
    const make = async (db: DbProvider): Promise<void> => {
      const statements = await db.autoMigrate({ dryRun: true });
      await db.transaction(async (em) => {
        for (const statement of statements) await em.execute(statement);
      });
    };
    const ended = await Promise.allSettled(opened.map(make));
    expect(ended.map(({ status }) => status)).toContain('rejected');
    await Promise.all(opened.map((db) => db.close()));
  });

  it('says what it would run, runs nothing then, and afterwards the same', async () => {
    await using db = await open({ entities: [Chair] });
    const planned = await db.autoMigrate({ dryRun: true });
    expect(planned.join('\n')).toContain('create table "chair"');
    expect(await db.sql`select to_regclass('chair') as found`).toEqual([{ found: null }]);
    expect(await db.autoMigrate()).toEqual(planned);
    expect(await db.sql`select to_regclass('chair')::text as found`).toEqual([{ found: 'chair' }]);
  });

  it('never drops or changes: tables, columns, rows, types stay, and what differs is said', async () => {
    await using db = await open({ entities: [Chair] });
    await db.sql`create table stool (id int primary key)`;
    await db.sql`create table chair (id int primary key, legs text not null, old text default 'kept')`;
    await db.sql`insert into chair (id, legs) values (1, 'four')`;
    logger.lines.length = 0;
    await db.autoMigrate().catch(() => undefined); // a required column cannot be added to a table with rows
    expect(await db.sql`select id, legs, old from chair`).toEqual([{ id: 1, legs: 'four', old: 'kept' }]);
    expect(await db.sql`select id from stool`).toEqual([]);
    expect(JSON.stringify(logger.said('leaves alone'))).toContain('alter column \\"legs\\"');
  });

  it('of an entity without a primary key, or with a bad definition, fails the start and names it', async () => {
    const Keyless = defineEntity({ name: 'Keyless', properties: { name: p.string() } });
    await expect(open({ entities: [Keyless] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Keyless'),
    });
  });
});
