import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { InfraContext } from '@infra-kit/kernel';
import { Account, type SuiteTest } from './suite-target.js';

export const contextTests: Readonly<Record<string, SuiteTest>> = {
  'one context has one entity manager, made at its first use': async ({ db }) => {
    await InfraContext.run({}, async () => {
      const em = db.em();
      await Promise.resolve();
      equal(db.em(), em);
    });
  },
  'two contexts with interleaved awaits never share an identity map': async ({ db, account }) => {
    const id = await account(1);
    const arrived = Promise.withResolvers<void>();
    let waiting = 0;
    const request = (): Promise<object> =>
      InfraContext.run({}, async () => {
        const first = await db.em().findOneOrFail(Account, { id });
        if (++waiting === 2) arrived.resolve();
        await arrived.promise;
        const second = await db.em().findOneOrFail(Account, { id });
        equal(second, first);
        return second;
      });
    const [a, b] = await Promise.all([request(), request()]);
    notEqual(a, b);
  },
  'outside of any context each call has its own': async ({ db }) => {
    notEqual(db.em(), db.em());
  },
  'a transaction has an identity map of its own': async ({ db, account }) => {
    const id = await account(1);
    await InfraContext.run({}, async () => {
      const before = await db.em().findOneOrFail(Account, { id });
      await db.transaction(async (em) => {
        notEqual(await em.findOneOrFail(Account, { id }), before);
      });
    });
  },
  'repositories and orm.em are where em() is': async ({ db, account }) => {
    const id = await account(1);
    const accounts = db.orm.em.getRepository(Account);
    await InfraContext.run({}, async () => {
      const found = await db.em().findOneOrFail(Account, { id });
      equal(await accounts.findOneOrFail({ id }), found);
      await db.transaction(async (em) => {
        equal(await accounts.findOneOrFail({ id }), await em.findOneOrFail(Account, { id }));
      });
    });
  },
  'two databases in one context do not meet': async ({ db }) => {
    await InfraContext.run({}, async () => {
      const em = db.em();
      await InfraContext.run({}, async () => ok(db.em() !== em));
      deepEqual(db.em() === em, true);
    });
  },
};
