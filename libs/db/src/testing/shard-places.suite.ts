import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { InfraContext } from '@infra-kit/kernel';
import type { DbProvider } from '../db.provider.js';
import { Sale, sell, threw, twoUsers, USERS, type ShardTest } from './shard-target.js';
import { isCode, randomName } from './suite-target.js';

/** Where keys are, and work on one shard or all. */
export const shardPlaceTests: Readonly<Record<string, ShardTest>> = {
  'a key answers where it was written, whatever its type': async (db) => {
    const id = await sell(db, 7);
    for (const key of [7, '7', 7n]) {
      equal(db.shards.indexOf('suite_sale', key), db.shards.indexOf('suite_sale', 7));
      equal((await db.shards.of(key).em().findOneOrFail(Sale, { id })).userId, 7);
    }
    const elsewhere = (db.shards.indexOf('suite_sale', 7) + 1) % db.shards.count;
    equal(await db.shards.on(elsewhere, (em) => em.count(Sale, { id })), 0);
  },
  'all shards answer, in their order': async (db) => {
    const ids = await Promise.all(USERS.map((user) => sell(db, user)));
    const found = await db.shards.all((em) => em.find(Sale, { id: ids }), { concurrency: 8 });
    equal(found.length, db.shards.count);
    deepEqual(
      found
        .flat()
        .map(({ id }) => id)
        .sort(),
      [...ids].sort(),
    );
    found.forEach((sales, index) => {
      for (const { userId } of sales) equal(db.shards.indexOf('suite_sale', userId), index);
    });
  },
  'one shard that fails: fail rejects, collect answers with the others': async (db) => {
    const own = new Error('shard 3');
    const ask = async (_em: unknown, index: number): Promise<number> => {
      if (index === 3) throw own;
      return index;
    };
    const isOwn = (error: unknown): boolean => error === own;
    await rejects(db.shards.all(ask), isOwn);
    await rejects(
      db.shards.on(3, (em) => ask(em, 3)),
      isOwn,
    );
    await rejects(
      db.shards.on(3, (em) => em.execute('selekt 1')),
      isCode('INTERNAL'),
    );
    equal((await db.shards.all(ask, { onError: 'collect' })).length, db.shards.count - 1);
  },
  'a transaction of a shard rolls back as a whole': async (db) => {
    const id = randomName();
    await rejects(
      db.shards.of(13).transaction(async (em) => {
        em.create(Sale, { id, userId: 13, total: 1 });
        await em.flush();
        equal((await db.shards.of(13).sql`select id from suite_sale where id = ${id}`).length, 1);
        throw new Error('no');
      }),
    );
    equal(await db.shards.of(13).em().count(Sale, { id }), 0);
  },
  'bad keys, tables, shards and slots are refused by name': async (db) => {
    for (const key of [1.5, Number.NaN, '', 2 ** 60, null, {}])
      ok(threw(() => db.shards.of(key as never), 'INVALID_ARGUMENT'));
    ok(threw(() => db.shards.indexOf('nowhere', 1), 'INVALID_ARGUMENT'));
    await rejects(
      db.shards.on(99, async () => undefined),
      isCode('INVALID_ARGUMENT'),
    );
    await rejects(db.shards.move(1024, 0), isCode('INVALID_ARGUMENT'));
    await rejects(db.shards.move(0, 99), isCode('INVALID_ARGUMENT'));
  },
  'the 1,024 slots are all somewhere, and another start finds them there': async (db, open) => {
    const sum = (of: DbProvider): number =>
      of.shards.info().reduce((total, { slots }) => total + slots.length, 0);
    equal(sum(db), 1024);
    const again = await open();
    deepEqual(again.shards.info(), db.shards.info());
    await again.close();
  },
  'a context has one manager a shard, shared with no other context': async (db) => {
    const [user, other] = twoUsers(db);
    await InfraContext.run({}, async () => {
      const em = db.shards.of(user).em();
      equal(db.shards.of(user).em(), em);
      ok(db.shards.of(other).em() !== em);
      await InfraContext.run({}, async () => ok(db.shards.of(user).em() !== em));
    });
  },
  'all asks as many shards at once as concurrency says, and bad options are refused': async (db) => {
    for (const concurrency of [1, 3]) {
      let running = 0;
      let most = 0;
      await db.shards.all(
        async (em) => {
          most = Math.max(most, ++running);
          await em.execute('select 1');
          running--;
        },
        { concurrency },
      );
      equal(most, concurrency);
    }
    for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { onError: 'ignore' }])
      await rejects(
        db.shards.all(async () => undefined, options as never),
        isCode('INVALID_ARGUMENT'),
      );
  },
  'limits end calls in shards: of one, of all, of a transaction, of a context': async (db) => {
    if (!db.capabilities.cancellation) return; // PGlite runs in this thread: nothing can be cancelled
    const sleep = (em: { execute(sql: string): Promise<unknown> }): Promise<unknown> =>
      em.execute('select pg_sleep(60)');
    const late = isCode('DEADLINE_EXCEEDED');
    const options = { timeoutMs: 100 };
    await rejects(db.shards.on(1, sleep, options), late);
    await rejects(db.shards.all(sleep, options), late);
    await rejects(db.shards.of(1).transaction(sleep, options), late);
    await rejects(
      InfraContext.run(options, async () => db.shards.of(1).sql`select pg_sleep(60)`),
      late,
    );
    await rejects(db.shards.of(1).sql.with(options)`select pg_sleep(60)`, late);
    await db.shards.of(1).transaction(async () => {
      await rejects(db.shards.of(1).sql.with({ signal: AbortSignal.abort() })`select 1`, isCode('CANCELLED'));
      deepEqual(
        await db.shards.of(1).sql.with({ timeoutMs: 60_000 })`select current_schema() as at`,
        await db.shards.of(1).sql`select current_schema() as at`,
      );
    });
    await rejects(db.shards.on(1, sleep, { signal: AbortSignal.abort() }), isCode('CANCELLED'));
    deepEqual(await db.shards.of(1).sql`select 1 as one`, [{ one: 1 }]);
  },
  'after close every call is FAILED_PRECONDITION': async (_db, open) => {
    const closed = await open();
    const { shards } = closed;
    const handle = shards.of(1);
    await closed.close();
    const refused = isCode('FAILED_PRECONDITION');
    ok(threw(() => shards.of(1), 'FAILED_PRECONDITION'));
    ok(threw(() => handle.em(), 'FAILED_PRECONDITION'));
    await rejects(handle.sql`select 1`, refused);
    await rejects(
      handle.transaction(async () => undefined),
      refused,
    );
    await rejects(
      shards.on(1, async () => undefined),
      refused,
    );
    await rejects(
      shards.all(async () => undefined),
      refused,
    );
    await rejects(shards.move(1, 1), refused);
  },
};
