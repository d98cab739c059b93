import { deepEqual, equal, notEqual, ok, rejects, throws } from 'node:assert/strict';
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
  'effects run once, in order, after the commit and before transaction resolves': async ({
    db,
    account,
    balance,
  }) => {
    const id = await account(1);
    const seen: unknown[] = [];
    await db.transaction(async (em) => {
      (await em.findOneOrFail(Account, { id })).balance = 2;
      db.afterCommit(async () => void seen.push('first', await balance(id)));
      await db.transaction(async () => db.afterCommit(() => void seen.push('joined')));
      await db.transaction(async () => db.afterCommit(() => void seen.push('nested')), {
        propagation: 'nested',
      });
      deepEqual(seen, []);
    });
    deepEqual(seen, ['first', 2, 'joined', 'nested']);
  },
  'effects of what was rolled back never run': async ({ db }) => {
    const seen: string[] = [];
    await db.transaction(async () => {
      await db
        .transaction(
          async () => {
            db.afterCommit(() => void seen.push('nested'));
            throw new Error('no');
          },
          { propagation: 'nested' },
        )
        .catch(() => undefined);
    });
    await rejects(
      db.transaction(async () => {
        db.afterCommit(() => void seen.push('outer'));
        throw new Error('no');
      }),
    );
    deepEqual(seen, []);
  },
  'an effect that fails hurts neither the caller nor the next effect': async ({ db }) => {
    const seen: string[] = [];
    await db.transaction(async () => {
      db.afterCommit(() => {
        throw new Error('effect');
      });
      db.afterCommit(() => void seen.push('second'));
    });
    deepEqual(seen, ['second']);
  },
  'afterCommit outside of a transaction is refused': async ({ db }) => {
    throws(() => db.afterCommit(() => undefined), isCode('FAILED_PRECONDITION'));
    await db.transaction(async () => undefined);
    throws(() => db.afterCommit(() => undefined), isCode('FAILED_PRECONDITION'));
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
  'the isolation that is asked for is the isolation': async ({ db }) => {
    for (const isolation of ['read-committed', 'repeatable-read', 'serializable'] as const) {
      const [row] = await db.transaction(
        () => db.sql<{ level: string }>`select current_setting('transaction_isolation') as level`,
        { isolation },
      );
      equal(row?.level, isolation.replace('-', ' '));
    }
  },
  'a serialization failure is retried as a whole, and its effects run once': async ({
    db,
    target,
    account,
  }) => {
    if (!target.concurrent) return; // nothing runs beside it
    const ids = await Promise.all(Array.from({ length: 10 }, () => account(1000)));
    let effects = 0;
    let attempts = 0;
    const transfer = (n: number): Promise<void> =>
      db.transaction(
        async (em) => {
          attempts++;
          const from = await em.findOneOrFail(Account, { id: ids[n % 10] ?? '' });
          const to = await em.findOneOrFail(Account, { id: ids[(n * 3 + 1) % 10] ?? '' });
          from.balance -= 1;
          to.balance += 1;
          db.afterCommit(() => void effects++);
        },
        { isolation: 'serializable', retries: 100 },
      );
    await Promise.all(Array.from({ length: 200 }, (_, n) => transfer(n)));
    const found = await db.em().find(Account, { id: ids });
    equal(
      found.reduce((sum, { balance }) => sum + balance, 0),
      10_000,
    );
    equal(effects, 200);
    ok(attempts > 200, 'nothing met: the test proves nothing');
  },
  'the same transfers without isolation lose money (control)': async ({ db, target, account, balance }) => {
    if (!target.concurrent) return; // nothing runs beside it
    const [from, to] = [await account(1000), await account(1000)];
    const met = Promise.withResolvers<void>();
    let readers = 0;
    const transfer = (): Promise<void> =>
      db.transaction(async (em) => {
        const [a, b] = [
          await em.findOneOrFail(Account, { id: from }),
          await em.findOneOrFail(Account, { id: to }),
        ];
        if (++readers === 2) met.resolve();
        await met.promise;
        a.balance -= 1;
        await em.flush();
        b.balance = (await em.findOneOrFail(Account, { id: to }, { refresh: true })).balance + 1;
      });
    await Promise.all([transfer(), transfer()]);
    notEqual(((await balance(from)) ?? 0) + ((await balance(to)) ?? 0), 2000);
  },
  'a serialization failure that stays is ABORTED after the retries, or ends with the limit of the call':
    async ({ db }) => {
      let attempts = 0;
      const failing = async (): Promise<void> => {
        attempts++;
        await db.sql`do $$ begin raise exception 'met another' using errcode = '40001'; end $$`;
      };
      const aborted = (error: Error): boolean =>
        isCode('ABORTED')(error) && Reflect.get(error, 'sqlState') === '40001';
      await rejects(db.transaction(failing, { retries: 2 }), aborted);
      equal(attempts, 3);
      attempts = 0;
      await rejects(db.transaction(failing), aborted);
      equal(attempts, 4);
      attempts = 0;
      await rejects(db.transaction(failing, { retries: 0 }), aborted);
      equal(attempts, 1);
      attempts = 0;
      await rejects(
        db.transaction(() => db.transaction(failing), { retries: 1 }),
        aborted,
      );
      equal(attempts, 2, 'the outermost is what runs again');
      await rejects(db.transaction(failing, { retries: 100, timeoutMs: 200 }), isCode('DEADLINE_EXCEEDED'));
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
