import { equal, notEqual, ok, rejects } from 'node:assert/strict';
import { Account, isCode, type SuiteTest } from './suite-target.js';

export const isolationTests: Readonly<Record<string, SuiteTest>> = {
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
};
