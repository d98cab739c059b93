import { deepEqual, equal, rejects } from 'node:assert/strict';
import { InfraContext } from '@infra-kit/kernel';
import { Account, Entry, isCode, randomName, type SuiteTest } from './suite-target.js';

export const sqlTests: Readonly<Record<string, SuiteTest>> = {
  'sql binds its values, whatever is in them': async ({ db }) => {
    const nasty = `'; drop table x; -- "$1" ?`;
    deepEqual(
      await db.sql`select ${nasty}::text as a, ${1}::int as b, ${null}::text as c, ${[1, 2]}::int[] as d`,
      [{ a: nasty, b: 1, c: null, d: [1, 2] }],
    );
  },
  'sql.with takes limits of its own, and joins the running transaction too': async ({ db }) => {
    const { signal } = new AbortController();
    deepEqual(await db.sql.with({ signal, timeoutMs: 60_000 })<{ n: number }>`select ${1}::int as n`, [
      { n: 1 },
    ]);
    await rejects(db.sql.with({ signal: AbortSignal.abort() })`select 1`, isCode('CANCELLED'));
    await rejects(db.sql.with({ timeoutMs: -1 })`select 1`, isCode('INVALID_ARGUMENT'));
    await db.transaction(async () => {
      const id = () => db.sql.with({ timeoutMs: 60_000 })`select pg_current_xact_id()::text as id`;
      deepEqual(await id(), await id());
    });
  },
  'sql joins the running transaction': async ({ db, balance }) => {
    const id = randomName();
    await rejects(
      db.transaction(async (em) => {
        em.create(Account, { id, owner: id, balance: 1 });
        await em.flush();
        const { tableName } = em.getMetadata().get(Account);
        deepEqual(await db.sql<{ n: number }>`select ${1}::int as n where ${tableName} <> ''`, [{ n: 1 }]);
        const rows = await em.execute<{ id: string }[]>(`select id from ${tableName} where id = ?`, [id]);
        deepEqual(rows, [{ id }]);
        throw new Error('undo');
      }),
    );
    equal(await balance(id), undefined);
  },
  'an undefined value, and a call that is no template, are refused': async ({ db }) => {
    await rejects(db.sql`select ${undefined}`, isCode('INVALID_ARGUMENT'));
    await rejects(db.sql('select 1' as never), isCode('INVALID_ARGUMENT'));
    await rejects(db.sql(['select 1'] as never), isCode('INVALID_ARGUMENT'));
  },
  'values that are no data, and statements that begin or end a transaction, are refused': async ({ db }) => {
    for (const value of [db.sql`selekt`, () => 1, Symbol('s')])
      await rejects(db.sql`select ${value}`, isCode('INVALID_ARGUMENT'), typeof value);
    for (const text of [
      'begin',
      ' START transaction',
      'commit;',
      'end',
      'abort',
      'rollback',
      'Rollback work',
    ])
      await rejects(db.sql(Object.assign([text], { raw: [text] })), isCode('INVALID_ARGUMENT'), text);
    await db.transaction(async () => {
      await db.sql`savepoint own`;
      await rejects(db.sql`selekt`);
      await db.sql`rollback to savepoint own`;
      deepEqual(await db.sql`select 1 as one`, [{ one: 1 }]);
    });
  },
  'a statement that is wrong is INTERNAL, with its SQLSTATE': async ({ db }) => {
    await rejects(db.sql`selekt 1`, (error: Error) => {
      equal(isCode('INTERNAL')(error), true);
      equal(Reflect.get(error, 'sqlState'), '42601');
      return true;
    });
  },
  'a second row of the same key is ALREADY_EXISTS and names the constraint': async ({ db, account }) => {
    const id = await account();
    const twice = db.transaction(
      async (em) => void em.create(Account, { id: randomName(), owner: `owner-${id}`, balance: 0 }),
    );
    await rejects(twice, (error: Error) => {
      equal(isCode('ALREADY_EXISTS')(error), true);
      equal(Reflect.get(error, 'sqlState'), '23505');
      equal(String(Reflect.get(error, 'constraint')).includes('owner'), true);
      return true;
    });
  },
  'foreign key, check and not null are FAILED_PRECONDITION': async ({ db, account }) => {
    const id = await account(1);
    await rejects(
      db.transaction(
        async (em) =>
          void em.create(Entry, { id: randomName(), account: em.getReference(Account, 'nobody'), note: '' }),
      ),
      (error: Error) => isCode('FAILED_PRECONDITION')(error) && Reflect.get(error, 'sqlState') === '23503',
    );
    await rejects(
      db.transaction((em) => em.nativeUpdate(Account, { id }, { balance: -1 })),
      (error: Error) => isCode('FAILED_PRECONDITION')(error) && Reflect.get(error, 'sqlState') === '23514',
    );
    await rejects(
      db.transaction((em) => em.nativeUpdate(Account, { id }, { balance: null as never })),
      (error: Error) => isCode('FAILED_PRECONDITION')(error) && Reflect.get(error, 'sqlState') === '23502',
    );
  },
  'a call with a limit that is not reached answers as any other': async ({ db, account, balance }) => {
    const id = await account(1);
    const { signal } = new AbortController();
    await db.transaction(
      async (em) => {
        (await em.findOneOrFail(Account, { id })).balance = 2;
        await db.transaction((inner) => inner.flush(), { propagation: 'nested', timeoutMs: 60_000 });
      },
      { signal, timeoutMs: 60_000, isolation: 'serializable' },
    );
    equal(await balance(id), 2);
    await InfraContext.run({ timeoutMs: 60_000 }, async () => {
      deepEqual(await db.sql`select 1 as n`, [{ n: 1 }]);
      equal((await db.em().findOneOrFail(Account, { id })).balance, 2);
      await db.ping();
    });
  },
  'a call whose limit has passed is refused, and the next one answers': async ({ db, account, balance }) => {
    const id = await account(1);
    const ended = new AbortController();
    ended.abort();
    let ran = false;
    await rejects(
      db.transaction(async () => void (ran = true), { signal: ended.signal }),
      isCode('CANCELLED'),
    );
    equal(ran, false);
    const midway = new AbortController();
    await rejects(
      db.transaction(
        async (em) => {
          (await em.findOneOrFail(Account, { id })).balance = 2;
          await em.flush();
          midway.abort();
        },
        { signal: midway.signal },
      ),
      isCode('CANCELLED'),
    );
    equal(await balance(id), 1);
    await db.ping();
  },
  'a call beyond its limit is cancelled in the server, and its connection is usable again': async ({
    db,
    target,
  }) => {
    if (!target.concurrent) return; // PGlite runs in this thread: nothing can be cancelled
    const late = db.transaction((em) => em.execute('select pg_sleep(60) as marked_late'), { timeoutMs: 100 });
    await rejects(late, isCode('DEADLINE_EXCEEDED'));
    await rejects(
      db.sql.with({ timeoutMs: 100 })`select pg_sleep(60) as marked_late`,
      isCode('DEADLINE_EXCEEDED'),
    );
    const aborted = new AbortController();
    const cancelled = db.transaction(
      async (em) => {
        setImmediate(() => aborted.abort());
        await em.execute('select pg_sleep(60) as marked_late');
      },
      { signal: aborted.signal },
    );
    await rejects(cancelled, isCode('CANCELLED'));
    await rejects(
      InfraContext.run({ timeoutMs: 100 }, () => db.sql`select pg_sleep(60) as marked_late`),
      isCode('DEADLINE_EXCEEDED'),
    );
    await rejects(
      InfraContext.run({ timeoutMs: 100 }, () => db.em().execute('select pg_sleep(60) as marked_late')),
    );
    const gone = new AbortController();
    await rejects(
      InfraContext.run({ signal: gone.signal }, async () => {
        setImmediate(() => gone.abort());
        await db.sql`select pg_sleep(60) as marked_late`;
      }),
      isCode('CANCELLED'),
    );
    for (;;) {
      const running = await db.sql`select pid from pg_stat_activity
        where query like '%marked_late%' and state <> 'idle' and pid <> pg_backend_pid()`;
      if (running.length === 0) break;
    }
    await Promise.all(Array.from({ length: 20 }, () => db.ping()));
  },
};
