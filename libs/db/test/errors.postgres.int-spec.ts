import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { createDb, DbError, type DbOptions, type DbProvider } from '@infra-kit/db';
import { InfraError } from '@infra-kit/kernel';
import { createDatabase, until, type OwnDatabase } from '@infra-kit/testkit';

const Page = defineEntity({
  name: 'Page',
  properties: { id: p.integer().primary(), text: p.string(), version: p.integer().version() },
});

let database: OwnDatabase;
let db: DbProvider;
const open = (options: DbOptions = {}): Promise<DbProvider> =>
  createDb({ url: database.url, entities: [Page], slowQueryMs: 60_000, ...options }, { env: 'test' });
beforeAll(async () => {
  database = await createDatabase();
  db = await open({ autoMigrate: true });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

describe('errors of PostgreSQL', () => {
  it('raised by COMMIT itself are mapped: a deferred foreign key', async () => {
    await db.sql`create table parent (id int primary key)`;
    await db.sql`create table child (id int constraint of_a_parent references parent deferrable initially deferred)`;
    const failing = db.transaction(() => db.sql`insert into child values (1)`);
    await expect(failing).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      sqlState: '23503',
      constraint: 'of_a_parent',
      outcome: undefined,
    });
    await expect(failing).rejects.toBeInstanceOf(DbError);
    expect(await db.sql`select id from child`).toEqual([]);
  });

  it('of an entity that lacks a value say which, and show no other value of it', async () => {
    const lacking = db.transaction(async (em) => void em.create(Page, { id: 6, version: 77_777 } as never));
    await expect(lacking).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Page.text'),
    });
    await expect(lacking).rejects.not.toThrow('77777');
  });

  it('a class that is no entity is refused at the start, by its name', async () => {
    class Forgotten {}
    await expect(open({ entities: [Page, Forgotten] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Forgotten is no entity'),
    });
  });

  it('a statement beyond statementTimeoutMs is DEADLINE_EXCEEDED, ended by the server', async () => {
    await using quick = await open({ statementTimeoutMs: 500, autoMigrate: false });
    await expect(quick.sql`select pg_sleep(30)`).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      sqlState: '57014',
    });
  });

  it('a row that another has changed meanwhile (version column) is ABORTED', async () => {
    await db.transaction(async (em) => void em.create(Page, { id: 1, text: 'a' }));
    const stale = db.transaction(async (em) => {
      const page = await em.findOneOrFail(Page, { id: 1 });
      await db.transaction(
        async (other) => {
          (await other.findOneOrFail(Page, { id: 1 })).text = 'b';
        },
        { propagation: 'requires-new' },
      );
      page.text = 'c';
    });
    await expect(stale).rejects.toMatchObject({ code: 'ABORTED', retryable: true });
  });

  it('a deadlock is retried, and both transactions happen', async () => {
    await db.sql`insert into page (id, text) values (10, ''), (11, '')`;
    const met = Promise.withResolvers<void>();
    let first = 0;
    let attempts = 0;
    const write = (ids: readonly number[]): Promise<void> =>
      db.transaction(async () => {
        attempts++;
        await db.sql`update page set text = text || 'x' where id = ${ids[0]}`;
        if (++first === 2) met.resolve();
        await met.promise;
        await db.sql`update page set text = text || 'x' where id = ${ids[1]}`;
      });
    await Promise.all([write([10, 11]), write([11, 10])]);
    expect(attempts).toBe(3);
    expect(await db.sql`select text from page where id in (10, 11)`).toEqual([
      { text: 'xx' },
      { text: 'xx' },
    ]);
  });

  it('a missing row and a value that does not fit have their codes', async () => {
    await expect(db.transaction((em) => em.findOneOrFail(Page, { id: -1 }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(db.sql`select ${'x'}::int`).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      sqlState: '22P02',
    });
  });

  it("what em() throws is MikroORM's, and InfraError.from knows its code", async () => {
    await db.sql`insert into page (id, text) values (20, '')`;
    const thrown: unknown = await db
      .em()
      .insert(Page, { id: 20, text: '', version: 1 })
      .catch((error: unknown) => error);
    expect(thrown).not.toBeInstanceOf(InfraError);
    expect(InfraError.from(thrown, { component: 'db' })).toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  it('a database, a user or a password that is not so fails the start at once, whatever connectRetry says', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    const retry = { connectRetry: { attempts: 1000, delayMs: 1000 } };
    await expect(open({ url: url.href, ...retry })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/cannot start on postgres.*DATABASE_URL/),
    });
    url.username = 'nobody_at_all';
    await expect(open({ url: url.href, ...retry })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it('an isolation that there is not is refused before anything runs', async () => {
    let ran = false;
    const failing = db.transaction(async () => void (ran = true), { isolation: 'chaos' as never });
    await expect(failing).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('"chaos"'),
    });
    expect(ran).toBe(false);
  });
});

describe('a closed database', () => {
  it('refuses every call at once, says down, and closes again without harm', async () => {
    const closed = await open();
    await Promise.all([closed.close(), closed.close()]);
    await closed.close();
    const refused = { code: 'FAILED_PRECONDITION', message: expect.stringContaining('closed') };
    for (const call of [
      () => closed.ping(),
      () => closed.transaction(async () => undefined),
      () => closed.sql`select 1`,
      () => closed.autoMigrate(),
      () => closed.migrate(),
    ])
      await expect(call()).rejects.toMatchObject(refused);
    expect(() => closed.em()).toThrow(/closed/);
    expect(() => closed.afterCommit(() => undefined)).toThrow(/closed/);
    expect(await closed.health()).toMatchObject({ status: 'down' });
  });

  it('lets what runs come to its end first', async () => {
    const closing = await open();
    const held = Promise.withResolvers<void>();
    let begun = false;
    const running = closing.transaction(async (em) => {
      begun = true;
      await held.promise;
      await em.execute(`insert into page (id, text) values (30, '')`);
    });
    await until('it runs', () => begun);
    const closed = closing.close();
    held.resolve();
    await running;
    await closed;
    expect(await db.sql`select id from page where id = 30`).toEqual([{ id: 30 }]);
  });
});
