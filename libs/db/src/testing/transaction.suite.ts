import { deepEqual, equal, notEqual, rejects } from 'node:assert/strict';
import { Account, isCode, randomName, type SuiteTest } from './suite-target.js';

export const transactionTests: Readonly<Record<string, SuiteTest>> = {
  'a transaction that resolves is committed': async ({ db, balance }) => {
    const id = randomName();
    const answer = await db.transaction(async (em) => {
      em.create(Account, { id, owner: id, balance: 5 });
      return 'done';
    });
    equal(answer, 'done');
    equal(await balance(id), 5);
  },
  'a transaction that rejects leaves nothing, and its error comes out': async ({ db, balance }) => {
    const id = randomName();
    const failure = new Error('no');
    await rejects(
      db.transaction(async (em) => {
        em.create(Account, { id, owner: id, balance: 5 });
        await em.flush();
        throw failure;
      }),
      (error: Error) => error === failure,
    );
    equal(await balance(id), undefined);
  },
  "an error of the caller's own comes out as the same object, however deep and whatever it is": async ({
    db,
  }) => {
    const own = [
      new Error('connection lost'),
      Object.assign(new Error('x'), { code: 'EPERM' }),
      'text',
      undefined,
    ];
    for (const failure of own)
      for (const propagation of ['required', 'nested'] as const) {
        const seen = await db
          .transaction(() => db.transaction(() => Promise.reject(failure as Error), { propagation }))
          .then(
            () => ({ error: 'none' as unknown }),
            (error: unknown) => ({ error }),
          );
        equal(seen.error, failure);
      }
    await rejects(
      db.transaction(() => db.em().execute('selekt 1')),
      isCode('INTERNAL'),
    );
  },
  'a transaction inside another joins it': async ({ db, account, balance }) => {
    const [a, b] = [await account(1), await account(1)];
    await rejects(
      db.transaction(async (em) => {
        (await em.findOneOrFail(Account, { id: a })).balance = 2;
        await em.flush();
        await db.transaction(async (inner) => {
          equal(inner, em);
          equal(db.em(), em);
          (await inner.findOneOrFail(Account, { id: b })).balance = 2;
        });
        throw new Error('late');
      }),
    );
    deepEqual([await balance(a), await balance(b)], [1, 1]);
  },
  'a joined call that failed rolls everything back although its error was swallowed': async ({
    db,
    account,
    balance,
  }) => {
    const id = await account(1);
    await rejects(
      db.transaction(async (em) => {
        (await em.findOneOrFail(Account, { id })).balance = 2;
        await db
          .transaction(async () => {
            throw new Error('inner');
          })
          .catch(() => undefined);
      }),
      isCode('FAILED_PRECONDITION'),
    );
    equal(await balance(id), 1);
  },
  'a statement that failed in the server is never passed over: nothing is committed, and no effect runs':
    async ({ db, balance }) => {
      const [id, effects] = [randomName(), [] as string[]];
      const broken: (() => Promise<unknown>)[] = [
        () => db.sql`selekt`,
        () => db.em().execute('selekt'),
        () => db.em().insert(Account, { id, owner: id, balance: 1 }),
      ];
      for (const fails of broken)
        await rejects(
          db.transaction(async (em) => {
            await em.insert(Account, { id, owner: id, balance: 1 });
            db.afterCommit(() => void effects.push('ran'));
            await fails().catch(() => undefined);
          }),
          isCode('FAILED_PRECONDITION'),
        );
      equal(await balance(id), undefined);
      deepEqual(effects, []);
      await db.transaction(async (em) => {
        await em.insert(Account, { id, owner: id, balance: 1 });
        for (const fails of broken)
          await db.transaction(fails, { propagation: 'nested' }).catch(() => undefined);
      });
      equal(await balance(id), 1);
    },
  'a conflict that was swallowed starts the transaction anew': async ({ db, balance }) => {
    const id = randomName();
    let attempts = 0;
    await db.transaction(async (em) => {
      await em.insert(Account, { id, owner: id, balance: ++attempts });
      if (attempts < 3)
        await em
          .execute("do $$ begin raise exception using errcode = '40001'; end $$")
          .catch(() => undefined);
    });
    equal(await balance(id), 3);
  },
  'what was begun in a transaction and outlives it is outside of it': async ({ db, account, balance }) => {
    const id = await account(1);
    const gate = Promise.withResolvers<void>();
    const outlived = await db.transaction(async (em) => ({
      ended: gate.promise.then(async () => {
        notEqual(db.em(), em);
        equal(await db.em().count(Account, { id }), 1);
        await db.sql`select 1`;
        await db.transaction((later) => later.nativeUpdate(Account, { id }, { balance: 2 }));
      }),
    }));
    gate.resolve();
    await outlived.ended;
    equal(await balance(id), 2);
  },
  'a nested transaction rolls back alone': async ({ db, account, balance }) => {
    const [a, b] = [await account(1), await account(1)];
    await db.transaction(async (em) => {
      (await em.findOneOrFail(Account, { id: a })).balance = 2;
      await em.flush();
      await db
        .transaction(
          async (inner) => {
            (await inner.findOneOrFail(Account, { id: b })).balance = 2;
            await inner.flush();
            throw new Error('inner');
          },
          { propagation: 'nested' },
        )
        .catch(() => undefined);
    });
    deepEqual([await balance(a), await balance(b)], [2, 1]);
  },
  'nested transactions at once take turns, and each counts': async ({ db, account, balance }) => {
    const ids = [await account(), await account(), await account()];
    await db.transaction(async () => {
      const ended = await Promise.allSettled(
        ids.map((id, index) =>
          db.transaction(
            async (em) => {
              (await em.findOneOrFail(Account, { id })).balance = 1;
              await em.flush();
              if (index === 1) throw new Error('the second');
            },
            { propagation: 'nested' },
          ),
        ),
      );
      deepEqual(
        ended.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
    });
    deepEqual(await Promise.all(ids.map(balance)), [1, 0, 1]);
  },
  "a transaction of its own ('requires-new') stays when the outer one fails": async ({
    db,
    target,
    account,
    balance,
  }) => {
    const id = await account(1);
    const outer = db.transaction(async () => {
      await db.transaction(
        async (em) => {
          (await em.findOneOrFail(Account, { id })).balance = 2;
        },
        { propagation: 'requires-new' },
      );
      throw new Error('outer');
    });
    if (!target.concurrent) return rejects(outer, isCode('UNIMPLEMENTED'));
    await rejects(outer);
    equal(await balance(id), 2);
  },
  'a read-only transaction reads and refuses to write': async ({ db, account }) => {
    const id = await account(3);
    equal(
      await db.transaction(async (em) => (await em.findOneOrFail(Account, { id })).balance, {
        readOnly: true,
      }),
      3,
    );
    await rejects(
      db.transaction((em) => em.nativeUpdate(Account, { id }, { balance: 4 }), { readOnly: true }),
      isCode('FAILED_PRECONDITION'),
    );
  },
  'options that are none are refused before anything happens': async ({ db }) => {
    const bad = [
      { isolation: 'chaos' },
      { propagation: 'mandatory' },
      { retries: -1 },
      { retries: 1.5 },
      { readOnly: 'yes' },
      { isolationLevel: 'serializable' },
    ];
    for (const options of bad) {
      let ran = false;
      await rejects(
        db.transaction(async () => {
          ran = true;
        }, options as never),
        isCode('INVALID_ARGUMENT'),
      );
      equal(ran, false);
    }
  },
};
