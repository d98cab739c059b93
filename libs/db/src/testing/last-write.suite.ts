import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { Account, isCode, type SuiteTest } from './suite-target.js';

/** What happens at the end of a transaction: just before its commit, and after it. */
export const lastWriteTests: Readonly<Record<string, SuiteTest>> = {
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
  'what is gathered for beforeCommit is written at once, last, without what was rolled back': async ({
    db,
    account,
    balance,
  }) => {
    const id = await account(1);
    const written: unknown[] = [];
    const write = async (items: readonly string[]): Promise<void> => {
      const em = db.em();
      const { balance: flushed } = await em.findOneOrFail(Account, { id }, { refresh: true });
      written.push(flushed, ...items);
      await em.nativeUpdate(Account, { id }, { balance: 3 });
    };
    const gather = (item: string, fails: boolean): Promise<void> =>
      db.transaction(
        async () => {
          db.beforeCommit(write, item);
          if (fails) throw new Error('no');
        },
        { propagation: 'nested' },
      );
    await db.transaction(async (em) => {
      db.beforeCommit(write, 'first');
      await gather('nested', false);
      await gather('rolled back', true).catch(() => undefined);
      (await em.findOneOrFail(Account, { id })).balance = 2;
      deepEqual(written, []);
    });
    deepEqual(written, [2, 'first', 'nested']);
    equal(await balance(id), 3);
  },
  'a write before the commit that fails rolls everything back, and its error comes out': async ({
    db,
    account,
    balance,
  }) => {
    const id = await account(1);
    const failure = new Error('no');
    await rejects(
      db.transaction(async (em) => {
        (await em.findOneOrFail(Account, { id })).balance = 2;
        db.beforeCommit(() => Promise.reject(failure), 'item');
      }),
      (error: Error) => error === failure,
    );
    equal(await balance(id), 1);
  },
  'beforeCommit outside of a transaction, and in one that only reads, is refused': async ({ db }) => {
    const write = (): void => db.beforeCommit(async () => undefined, 'item');
    throws(write, isCode('FAILED_PRECONDITION'));
    await rejects(
      db.transaction(async () => write(), { readOnly: true }),
      isCode('FAILED_PRECONDITION'),
    );
  },
  'afterCommit outside of a transaction is refused': async ({ db }) => {
    throws(() => db.afterCommit(() => undefined), isCode('FAILED_PRECONDITION'));
    await db.transaction(async () => undefined);
    throws(() => db.afterCommit(() => undefined), isCode('FAILED_PRECONDITION'));
  },
};
