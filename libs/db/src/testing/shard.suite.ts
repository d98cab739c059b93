import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { defineEntity, p } from '@mikro-orm/core';
import { InfraContext } from '@infra-kit/kernel';
import { createDb } from '../create-db.js';
import type { DbOptions } from '../db.config.js';
import type { DbProvider } from '../db.provider.js';
import { slotOf } from '../sharding/slots.js';
import { isCode, randomName, type SuiteRunner } from './suite-target.js';

export const Sale = defineEntity({
  name: 'SuiteSale',
  tableName: 'suite_sale',
  properties: { id: p.string().primary(), userId: p.integer(), total: p.integer() },
});
export const SaleLine = defineEntity({
  name: 'SuiteSaleLine',
  tableName: 'suite_sale_line',
  properties: {
    id: p.string().primary(),
    userId: p.integer(),
    sale: () => p.manyToOne(Sale),
    count: p.integer(),
  },
});

export interface ShardSuiteTarget {
  readonly name: string;
  /** Options of databases that are empty at first: driver and addresses; the rest of `sharding` is the suite's. */
  readonly options: () => Promise<DbOptions>;
}

type ShardTest = (db: DbProvider, open: () => Promise<DbProvider>) => Promise<void>;

const USERS = Array.from({ length: 100 }, (_, user) => user);

async function sell(db: DbProvider, userId: number, total = 1): Promise<string> {
  const id = randomName();
  await db.shards.of(userId).transaction(async (em) => {
    const sale = em.create(Sale, { id, userId, total });
    em.create(SaleLine, { id: `${id}-1`, userId, sale, count: 1 });
  });
  return id;
}

const place = { name: 'default', label: 'db' };

const TESTS: Readonly<Record<string, ShardTest>> = {
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
  'a slot that moves while writes go on loses nothing, seen from two instances': async (db, open) => {
    const other = await open();
    try {
      const user = 21;
      const slot = slotOf(place, user);
      const from = db.shards.indexOf('suite_sale', user);
      const to = (from + 5) % db.shards.count;
      const before = await sell(db, user);
      const written: string[] = [before];
      let moving = true;
      const writer = async (writes: DbProvider): Promise<void> => {
        while (moving) written.push(await sell(writes, user));
      };
      const writers = [writer(db), writer(other)];
      await db.shards.move(slot, to);
      const soFar = written.length;
      while (written.length < soFar + 4) await sell(db, user).then((id) => written.push(id));
      moving = false;
      await Promise.all(writers);
      equal(db.shards.indexOf('suite_sale', user), to);
      const there = await db.shards.on(to, (em) => em.find(Sale, { userId: user }));
      const ids = new Set(there.map(({ id }) => id));
      deepEqual(
        written.filter((id) => !ids.has(id)),
        [],
      );
      ok((await db.shards.on(to, (em) => em.count(SaleLine, { userId: user }))) >= written.length);
      equal(await db.shards.on(from, (em) => em.count(Sale, { userId: user })), 0);
      equal(other.shards.indexOf('suite_sale', user), to);
    } finally {
      await other.close();
    }
  },
  'a move that cannot copy leaves everything where it is, and writable': async (db) => {
    const user = 34;
    const from = db.shards.indexOf('suite_sale', user);
    const to = (from + 1) % db.shards.count;
    const id = await sell(db, user);
    await db.shards.on(to, async (em) => {
      // somebody else's row, in a slot of the target, with the same primary key
      const stranger = USERS.find((candidate) => db.shards.indexOf('suite_sale', candidate) === to) ?? 0;
      await em.execute(
        `insert into shard_${String(to).padStart(4, '0')}.suite_sale (id, user_id, total) values (?, ?, 1)`,
        [id, stranger],
        'run',
      );
    });
    await rejects(db.shards.move(slotOf(place, user), to), isCode('ALREADY_EXISTS'));
    equal(db.shards.indexOf('suite_sale', user), from);
    await sell(db, user);
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
    const sum = (of: DbProvider): number => of.shards.info().reduce((total, { slots }) => total + slots, 0);
    equal(sum(db), 1024);
    const again = await open();
    deepEqual(again.shards.info(), db.shards.info());
    await again.close();
  },
};

function threw(fn: () => unknown, code: string): boolean {
  try {
    fn();
    return false;
  } catch (error) {
    return isCode(code)(error);
  }
}

/** What sharding promises, on the embedded server and on several. */
export function shardSuite({ describe, it }: SuiteRunner, target: ShardSuiteTarget): void {
  describe(target.name, () => {
    let databases: Promise<DbOptions> | undefined;
    const open = async (): Promise<DbProvider> => {
      const options = await (databases ??= target.options());
      const tables = { suite_sale: { key: 'userId' }, suite_sale_line: { key: 'userId' } };
      return createDb(
        {
          ...options,
          entities: [Sale, SaleLine],
          autoMigrate: true,
          sharding: { ...options.sharding, tables, shards: 16 },
        },
        { env: 'test' },
      );
    };
    for (const [name, test] of Object.entries(TESTS))
      it(name, async () => {
        const db = await open();
        try {
          await test(db, open);
        } finally {
          await db.close();
        }
      });
  });
}
