import { deepEqual, equal, rejects } from 'node:assert/strict';
import { inTheEnd, isCode, values, type SuiteCase } from './suite-target.js';

export const inboxCases: Readonly<Record<string, SuiteCase>> = {
  'a consumer handles a message once, and another consumer once more': {
    test: async ({ outbox, effect, effects }) => {
      const run = (consumer: string, id: string): Promise<object> =>
        outbox.inbox.run(consumer, id, async () => {
          await effect(`${consumer} ${id}`);
          return 'value';
        });
      deepEqual(await run('a', 'm1'), { ran: true, value: 'value' });
      deepEqual(await run('a', 'm1'), { ran: false });
      deepEqual(await run('b', 'm1'), { ran: true, value: 'value' });
      deepEqual(await run('a', 'm2'), { ran: true, value: 'value' });
      deepEqual(await effects(), ['a m1', 'b m1', 'a m2']);
    },
  },
  'a run that fails leaves nothing, its error comes out as it is, and the next run runs': {
    test: async ({ outbox, effect, effects, inboxRows }) => {
      const failure = new Error('no');
      const failing = outbox.inbox.run('c', 'm', async () => {
        await effect('failed');
        throw failure;
      });
      await rejects(failing, (error) => error === failure);
      deepEqual([await effects(), await inboxRows()], [[], 0]);
      equal((await outbox.inbox.run('c', 'm', () => effect('done'))).ran, true);
      deepEqual([await effects(), await inboxRows()], [['done'], 1]);
    },
  },
  'inside, the entity manager, db.em() and db.sql are the same transaction': {
    test: async ({ db, outbox }) => {
      const failing = outbox.inbox.run('c', 'm', async (em) => {
        const transaction = async (ask: () => Promise<object[]>): Promise<unknown> =>
          Object.values((await ask())[0] ?? {});
        deepEqual(
          await transaction(() => em.execute('select pg_current_xact_id()::text as id')),
          await transaction(() => db.sql`select pg_current_xact_id()::text as id`),
        );
        equal(db.em().isInTransaction(), true);
        equal(db.em(), em);
      });
      await failing;
    },
  },
  'it joins the transaction of its caller, and takes back itself alone where that one goes on': {
    test: async ({ db, outbox, effect, effects, inboxRows }) => {
      await db.transaction(async () => {
        await effect('of the caller');
        const failing = outbox.inbox.run('c', 'm', async () => {
          await effect('of the run');
          throw new Error('no');
        });
        await rejects(failing, /no/);
      });
      deepEqual([await effects(), await inboxRows()], [['of the caller'], 0]);
    },
  },
  'a second run at the same time waits, and does not run': {
    concurrent: true,
    test: async ({ outbox, effect, effects }) => {
      const inside = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      const first = outbox.inbox.run('c', 'm', async () => {
        await effect('first');
        inside.resolve();
        await goOn.promise;
      });
      await inside.promise;
      let ended = false;
      const second = outbox.inbox.run('c', 'm', () => effect('second')).finally(() => (ended = true));
      await outbox.stats(); // a round trip of the same length
      equal(ended, false);
      goOn.resolve();
      deepEqual([(await first).ran, (await second).ran, await effects()], [true, false, ['first']]);
    },
  },
  'a second run at the same time runs when the first has failed': {
    concurrent: true,
    test: async ({ outbox, effect, effects }) => {
      const inside = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      const first = outbox.inbox.run('c', 'm', async () => {
        inside.resolve();
        await goOn.promise;
        throw new Error('no');
      });
      await inside.promise;
      const second = outbox.inbox.run('c', 'm', () => effect('second'));
      goOn.resolve();
      await rejects(first, /no/);
      deepEqual([(await second).ran, await effects()], [true, ['second']]);
    },
  },
  'what a run publishes commits with it': {
    test: async ({ outbox, topic, seen }) => {
      const messages = await seen();
      for (const _ of [1, 2])
        await outbox.inbox.run('c', 'm', () => outbox.publish(topic, { key: 'k', value: 'answer' }));
      await outbox.relayOnce();
      await inTheEnd(() => values(messages), ['answer']);
      equal((await outbox.stats()).sent, 1);
    },
  },
  'bad arguments are refused by name': {
    test: async ({ outbox }) => {
      const nothing = async (): Promise<void> => undefined;
      for (const [consumer, id] of [
        ['', 'm'],
        ['c', ''],
        ['c', 'a\0b'],
        ['x'.repeat(600), 'm'],
        [7, 'm'],
      ] as [string, string][])
        await rejects(outbox.inbox.run(consumer, id, nothing), isCode('INVALID_ARGUMENT'));
      await rejects(outbox.inbox.run('c', 'm', 'fn' as never), isCode('INVALID_ARGUMENT'));
    },
  },
};
