import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { DbProvider } from '../db.provider.js';
import { onlyIn, Remark, Sale, SaleLine, sell, USERS, type ShardTest } from './shard-target.js';
import { isCode, randomName } from './suite-target.js';

/** Slots on the move. */
export const shardMoveTests: Readonly<Record<string, ShardTest>> = {
  'a slot that moves while writes go on loses nothing, seen from two instances': async (db, open) => {
    const other = await open();
    try {
      const user = 21;
      const slot = db.shards.slotOf(user);
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
    await rejects(db.shards.move(db.shards.slotOf(user), to), isCode('ALREADY_EXISTS'));
    equal(db.shards.indexOf('suite_sale', user), from);
    await sell(db, user);
  },
  'a slot moves there and back, twice at once, and in the end is in one place': async (db, open) => {
    const user = 1041;
    const other = await open();
    try {
      const from = db.shards.indexOf('suite_sale', user);
      const [to, third] = [(from + 3) % db.shards.count, (from + 6) % db.shards.count];
      const slot = db.shards.slotOf(user);
      const ids = [await sell(db, user), await sell(db, user)];
      await Promise.all([db.shards.move(slot, to), other.shards.move(slot, third)]);
      ids.push(await sell(db, user), await sell(other, user));
      await db.shards.move(slot, from);
      await onlyIn(db, user, ids);
      equal(db.shards.indexOf('suite_sale', user), from);
      deepEqual(
        db.shards
          .info()
          .filter(({ slots }) => slots.includes(slot))
          .map(({ index }) => index),
        [from],
      );
    } finally {
      await other.close();
    }
  },
  'a move comes through although a dozen writers of the slot never pause, with every kind of write': async (
    db,
  ) => {
    const user = 1055;
    const to = (db.shards.indexOf('suite_sale', user) + 7) % db.shards.count;
    const written = [await sell(db, user)];
    let moving = true;
    const writes: ((id: string) => Promise<unknown>)[] = [
      (id) => db.em().insert(Sale, { id, userId: user, total: 1 }),
      (id) => db.em().upsert(Sale, { id, userId: user, total: 1 }),
      (id) => db.em().insertMany(Sale, [{ id, userId: user, total: 1 }]),
      (id) => db.shards.of(user).sql`insert into suite_sale (id, user_id, total) values (${id}, ${user}, 1)`,
      async (id) => {
        await db.em().insert(Sale, { id, userId: user, total: 0 });
        equal(await db.em().nativeUpdate(Sale, { userId: user, id, total: 0 }, { total: 1 }), 1);
      },
      (id) =>
        db.shards.of(user).transaction(async (em) => void em.create(Sale, { id, userId: user, total: 1 })),
    ];
    const writer = async (index: number): Promise<void> => {
      for (let n = index; moving; n++) {
        const id = randomName();
        await writes[n % writes.length]?.(id);
        written.push(id);
        await setImmediate(); // PGlite answers without a turn of the event loop
      }
    };
    const writers = Array.from({ length: 12 }, (_, index) => writer(index));
    const finished = Promise.all(writers);
    await Promise.race([db.shards.move(db.shards.slotOf(user), to), finished]);
    moving = false;
    await finished;
    const there = await db.shards.on(to, (em) => em.find(Sale, { userId: user }));
    const found = new Map(there.map(({ id, total }) => [id, total]));
    deepEqual(
      written.filter((id) => found.get(id) !== 1),
      [],
    );
    equal(db.shards.indexOf('suite_sale', user), to);
  },
  'rows that refer to each other and sequences move too': async (db) => {
    const user = 1062;
    const from = db.shards.indexOf('suite_remark', user);
    const to = (from + 2) % db.shards.count;
    await db.shards.of(user).transaction(async (em) => {
      for (let n = 0; n < 700; n++) em.create(Remark, { userId: user, text: `${n}` });
      await em.flush();
      // the first one answers the last
      await em.execute(
        `update suite_remark set answers_id = (select max(id) from suite_remark)
         where id = (select min(id) from suite_remark)`,
      );
    });
    await db.shards.move(db.shards.slotOf(user), to);
    const first = await db.shards.of(user).transaction(async (em) => {
      em.create(Remark, { userId: user, text: 'after' });
      await em.flush();
      return em.findOneOrFail(Remark, { userId: user, text: '0' }, { populate: ['answers'] });
    });
    equal(first.answers?.text, '699');
    equal(await db.shards.on(to, (em) => em.count(Remark, { userId: user })), 701);
    equal(await db.shards.on(from, (em) => em.count(Remark, { userId: user })), 0);
  },
  'a flush that meets a moving slot is ABORTED, and comes through when it is run again': async (db) => {
    const user = 1077;
    const to = (db.shards.indexOf('suite_sale', user) + 1) % db.shards.count;
    let moving = true;
    const written: string[] = [];
    const writer = async (): Promise<void> => {
      while (moving) {
        const em = db.shards.of(user).em();
        const id = randomName();
        em.create(Sale, { id, userId: user, total: 1 });
        await em.flush().then(
          () => written.push(id),
          (error: unknown) => ok(isCode('ABORTED')(error), String(error)),
        );
        await setImmediate();
      }
    };
    const running = Promise.all([writer(), writer()]);
    await Promise.race([db.shards.move(db.shards.slotOf(user), to), running]);
    moving = false;
    await running;
    const there = await db.shards.on(to, (em) => em.find(Sale, { userId: user }));
    const ids = new Set(there.map(({ id }) => id));
    deepEqual(
      written.filter((id) => !ids.has(id)),
      [],
    );
  },
};
