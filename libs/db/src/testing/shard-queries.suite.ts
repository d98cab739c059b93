import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { InfraContext } from '@infra-kit/kernel';
import { Article, Sale, SaleLine, sell, threw, twoUsers, type ShardTest } from './shard-target.js';
import { isCode, randomName } from './suite-target.js';

const refused = isCode('FAILED_PRECONDITION');

/** What goes to a shard by itself, and what is refused. */
export const shardQueryTests: Readonly<Record<string, ShardTest>> = {
  'a query with the key routes by itself, one without is refused': async (db) => {
    const id = await sell(db, 11, 5);
    await InfraContext.run({}, async () => {
      deepEqual(
        (await db.em().find(Sale, { userId: 11, id })).map(({ total }) => total),
        [5],
      );
      equal(await db.em().count(Sale, { userId: { $eq: 11 }, id }), 1);
      equal(await db.em().nativeUpdate(Sale, { userId: 11, id }, { total: 6 }), 1);
      const sale = await db.em().findOneOrFail(Sale, { userId: 11, id }, { refresh: true });
      equal(sale.total, 6);
      sale.total = 7;
      const other = randomName();
      db.em().create(Sale, { id: other, userId: 12, total: 1 });
      await db.em().flush();
      equal((await db.shards.of(12).sql`select id from suite_sale where id = ${other}`).length, 1);
      deepEqual(await db.shards.of(11).sql`select total from suite_sale where id = ${id}`, [{ total: 7 }]);
      await rejects(db.em().find(Sale, { total: 7 }), isCode('FAILED_PRECONDITION'));
      await rejects(db.em().find(Sale, { userId: { $gt: 1 } }), isCode('FAILED_PRECONDITION'));
      await rejects(db.em().findAll(Sale), isCode('FAILED_PRECONDITION'));
    });
    await rejects(
      db.transaction((em) => em.find(Sale, { userId: 11 })),
      isCode('FAILED_PRECONDITION'),
    );
  },
  'outside of any context too, what one manager has created it flushes': async (db) => {
    const em = db.em();
    const [user, other] = twoUsers(db);
    const ids = [randomName(), randomName()] as const;
    em.create(Sale, { id: ids[0], userId: user, total: 1 });
    em.create(Sale, { id: ids[1], userId: other, total: 1 });
    await em.flush();
    equal(await db.em().count(Sale, { id: ids[0], userId: user }), 1);
    equal(await db.em().count(Sale, { id: ids[1], userId: other }), 1);
  },
  'no kind of query goes to all shards for want of a key': async (db) => {
    const id = await sell(db, 3);
    const article = randomName();
    await db.em().insert(Article, { id: article, title: 'pan' });
    await InfraContext.run({}, async () => {
      const em = db.em();
      const without = { id };
      for (const query of [
        () => em.find(Sale, without),
        () => em.findOne(Sale, without),
        () => em.findOne(Sale, id),
        () => em.findOneOrFail(Sale, without),
        () => em.findAndCount(Sale, without),
        () => em.count(Sale, without),
        () => em.count(Sale),
        () => em.findAll(Sale, { where: without }),
        () => em.findByCursor(Sale, { where: without, first: 1, orderBy: { id: 'asc' } }),
        () => em.find(Sale, { $or: [{ userId: 3 }, { userId: 4 }] }),
        () => em.find(Sale, { userId: [3, 4] }),
        () => em.nativeUpdate(Sale, without, { total: 9 }),
        () => em.nativeDelete(Sale, without),
        () => em.find(Article, { id: article }, { populate: ['sales'] }),
        () => em.find(Article, { sales: { total: 1 } }),
        async () => (await em.findOneOrFail(Article, { id: article })).sales.init(),
        async () => em.populate(await em.findOneOrFail(Article, { id: article }), ['sales']),
      ])
        await rejects(query(), refused, String(query));
      for (const build of [
        () => em.createQueryBuilder(Sale),
        () => em.qb(Sale).where(without),
        () => em.getRepository(Sale).createQueryBuilder('s'),
        () => em.create(Sale, { id, total: 1 } as never),
        () => em.stream(Sale, { where: without }),
      ])
        ok(threw(build, 'FAILED_PRECONDITION'), String(build));
    });
    deepEqual(await db.shards.of(3).sql`select total from suite_sale where id = ${id}`, [{ total: 1 }]);
  },
  'no query spans a shard and what is not in it': async (db) => {
    const article = randomName();
    await db.em().insert(Article, { id: article, title: 'pot' });
    const id = randomName();
    await InfraContext.run({}, async () => {
      const em = db.em();
      em.create(Sale, { id, userId: 5, total: 1, article: em.getReference(Article, article) });
      await em.flush();
      const sale = await em.findOneOrFail(Sale, { userId: 5, id, article });
      equal(sale.article?.id, article);
      await rejects(em.find(Sale, { userId: 5 }, { populate: ['article'] }), refused);
      await rejects(em.find(Sale, { userId: 5 }, { populate: ['*'] }), refused);
      await rejects(em.find(Sale, { userId: 5, article: { title: 'pot' } }), refused);
      await rejects(em.populate(sale, ['article']), refused);
    });
    await db.shards.of(5).transaction(async (em) => {
      await rejects(em.find(Article, { id: article }), refused);
      ok(threw(() => em.create(Article, { id: randomName(), title: 'x' }), 'FAILED_PRECONDITION'));
    });
  },
  'relations inside of a shard are followed': async (db) => {
    const id = await sell(db, 8);
    await InfraContext.run({}, async () => {
      const sale = await db.em().findOneOrFail(Sale, { userId: 8, id }, { populate: ['lines'] });
      equal(sale.lines.length, 1);
      const line = await db.em().findOneOrFail(SaleLine, { userId: 8, sale: { total: 1 }, id: `${id}-1` });
      equal(line.sale, sale);
    });
    const again = await db.em().findOneOrFail(Sale, { userId: 8, id });
    await db.em().populate(again, ['lines']);
    equal(again.lines.length, 1);
  },
  'native writes go to the shard of their rows, which must be one': async (db) => {
    const [user, other] = twoUsers(db);
    const row = (userId: number): { id: string; userId: number; total: number } => ({
      id: randomName(),
      userId,
      total: 1,
    });
    const rows = [row(user), row(user)];
    await db.em().insertMany(Sale, rows);
    for (const { id } of rows) {
      equal((await db.em().upsert(Sale, { id, userId: user, total: 2 })).total, 2);
      equal(await db.em().nativeDelete(Sale, { id, userId: user }), 1);
    }
    await db.em().upsertMany(Sale, rows);
    equal(await db.em().count(Sale, { userId: user, id: rows.map(({ id }) => id) }), 2);
    await rejects(db.em().insertMany(Sale, [row(user), row(other)]), refused);
  },
  'a transaction is in one shard: other keys are refused at once, and a key never changes': async (db) => {
    const [user, other] = twoUsers(db);
    const id = await sell(db, user);
    const { shards } = db;
    await rejects(
      shards
        .of(user)
        .transaction(async (em) => void em.create(Sale, { id: randomName(), userId: other, total: 1 })),
      refused,
    );
    await rejects(
      shards.of(user).transaction((em) => em.find(Sale, { userId: other })),
      refused,
    );
    await rejects(
      shards.of(user).transaction(async (em) => {
        (await em.findOneOrFail(Sale, { id })).userId = other;
      }),
      refused,
    );
    const native = [
      () => db.em().nativeUpdate(Sale, { userId: user, id }, { userId: other }),
      () => shards.of(user).em().nativeUpdate(Sale, { id }, { userId: other }),
      () => shards.of(user).transaction((em) => em.nativeUpdate(Sale, { userId: user }, { userId: other })),
    ];
    for (const change of native) await rejects(change(), refused, String(change));
    equal(await db.em().nativeUpdate(Sale, { userId: user, id }, { userId: user, total: 8 }), 1);
    equal(await db.em().count(Sale, { userId: user, id, total: 8 }), 1);
    if (!db.capabilities.concurrentTransactions)
      return rejects(
        shards.of(user).transaction(() => sell(db, other)),
        isCode('UNIMPLEMENTED'),
      );
    // one shard inside another's is a transaction of its own
    await shards.of(user).transaction(async (em) => {
      await sell(db, other);
      equal(await em.count(Sale, { id }), 1);
    });
  },
  "names in the SQL of a shard transaction are the shard's, and db.em() is its manager": async (db) => {
    const id = await sell(db, 9, 4);
    for (const readOnly of [false, true])
      await db.shards.of(9).transaction(
        async (em) => {
          equal(db.em(), em);
          deepEqual(await em.execute('select total from suite_sale where id = ?', [id]), [{ total: 4 }]);
          deepEqual(await db.sql`select total from suite_sale where id = ${id}`, [{ total: 4 }]);
        },
        { readOnly },
      );
  },
  'a query builder reads in a shard, and writes in its transaction alone': async (db) => {
    const id = await sell(db, 6, 1);
    const em = db.shards.of(6).em();
    equal((await em.createQueryBuilder(Sale).where({ id }).getResultList()).length, 1);
    ok(threw(() => em.createQueryBuilder(Sale).update({ total: 2 }), 'FAILED_PRECONDITION'));
    ok(threw(() => em.qb(Sale).delete({ id }), 'FAILED_PRECONDITION'));
    await db.shards
      .of(6)
      .transaction((within) => within.qb(Sale).update({ total: 2 }).where({ id }).execute());
    deepEqual(await db.shards.of(6).sql`select total from suite_sale where id = ${id}`, [{ total: 2 }]);
  },
};
