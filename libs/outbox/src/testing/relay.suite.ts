import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { InfraError } from '@infra-kit/kernel';
import { inTheEnd, isCode, values, type SuiteCase } from './suite-target.js';

const away = (): InfraError => new InfraError('UNAVAILABLE', 'away');
const UNTIL_NEXT_DAY = 86_400_000;

export const relayCases: Readonly<Record<string, SuiteCase>> = {
  'made by hand it relays nothing until it is told to; a pass sends what is due, as many as asked for': {
    test: async ({ outbox, publish, seen }) => {
      const messages = await seen();
      await publish(1, 2, 3, 4, 5);
      equal((await outbox.stats()).pending, 5);
      deepEqual([await outbox.relayOnce(2), await outbox.relayOnce(), await outbox.relayOnce()], [2, 3, 0]);
      await inTheEnd(() => values(messages), [1, 2, 3, 4, 5]);
      await rejects(outbox.relayOnce(0), isCode('INVALID_ARGUMENT'));
    },
  },
  'started, it sends what commits, at once when it was published here; stopped, it sends nothing': {
    options: { pollIntervalMs: UNTIL_NEXT_DAY },
    test: async ({ outbox, publish, seen }) => {
      const messages = await seen();
      await Promise.all([outbox.start(), outbox.start()]);
      for (const value of [1, 2, 3]) {
        await publish(value);
        await inTheEnd(() => values(messages).at(-1), value);
      }
      await outbox.stop();
      await publish(4);
      equal((await outbox.stats()).pending, 1);
      await outbox.start();
      await inTheEnd(() => values(messages), [1, 2, 3, 4]);
    },
  },
  'it polls for what was published elsewhere': {
    test: async ({ db, outbox, another, topic, seen }) => {
      const messages = await seen();
      await outbox.start();
      const elsewhere = await another();
      await db.transaction(() => elsewhere.publish(topic, { value: 'elsewhere' }));
      await inTheEnd(() => values(messages), ['elsewhere']);
    },
  },
  'inside of a transaction it is refused: what it marks must not be taken back': {
    test: async ({ db, outbox }) => {
      await db.transaction(async () => {
        await rejects(outbox.relayOnce(), isCode('FAILED_PRECONDITION'));
        await rejects(outbox.start(), isCode('FAILED_PRECONDITION'));
      });
    },
  },
  'while the broker is away nothing is lost, no attempt is counted, and all comes in order when it is back': {
    options: { backoffMs: 1, maxBackoffMs: 5, maxAttempts: 1 },
    test: async ({ outbox, publish, seen, driver, logger }) => {
      const messages = await seen();
      driver.fail(away, ['produce', 'ping']);
      await publish(1, 2);
      await rejects(outbox.relayOnce(), isCode('UNAVAILABLE'));
      await outbox.start();
      await publish(3);
      await inTheEnd(async () => (await outbox.health()).status, 'degraded');
      const { pending, failed, parked, oldestAgeMs } = await outbox.stats();
      deepEqual([pending, failed, parked], [3, 0, 0]);
      ok(oldestAgeMs > 0);
      driver.heal();
      await inTheEnd(() => values(messages), [1, 2, 3]);
      await inTheEnd(async () => (await outbox.health()).status, 'up');
      equal(logger.lines.filter(({ message }) => message.startsWith('messages are not sent')).length, 1);
    },
  },
  'its counts are those of what has happened': {
    test: async ({ outbox, publish }) => {
      deepEqual(await outbox.stats(), { pending: 0, oldestAgeMs: 0, sent: 0, failed: 0, parked: 0 });
      await publish(1, 2);
      await outbox.relayOnce(1);
      const { pending, sent, failed, parked } = await outbox.stats();
      deepEqual({ pending, sent, failed, parked }, { pending: 1, sent: 1, failed: 0, parked: 0 });
    },
  },
  'what was sent is removed after its time, a few rows a statement, and so are handled messages': {
    options: { retentionMs: 1, inboxRetentionMs: 1, cleanupBatch: 2, cleanupIntervalMs: 10 },
    test: async ({ outbox, publish, rows, inboxRows }) => {
      await publish(1, 2, 3, 4, 5);
      for (const id of ['a', 'b', 'c']) await outbox.inbox.run('consumer', id, async () => undefined);
      await outbox.start();
      await inTheEnd(async () => [await rows(), await inboxRows()], [0, 0]);
      equal((await outbox.stats()).sent, 5);
      // the limit of the inbox: what comes again after that is new
      equal((await outbox.inbox.run('consumer', 'a', async () => undefined)).ran, true);
    },
  },
  'what was sent is kept for its time, and with none of it deleted at once': {
    test: async ({ outbox, another, publish, rows }) => {
      await publish(1);
      await outbox.relayOnce();
      equal(await rows(), 1);
      const forgetful = await another({ retentionMs: 0 });
      await publish(2);
      equal(await forgetful.relayOnce(), 1);
      equal(await rows(), 1);
    },
  },
  'closing sends what is due, and every call afterwards is refused': {
    options: { pollIntervalMs: UNTIL_NEXT_DAY },
    test: async ({ outbox, another, publish, db, topic, seen }) => {
      const messages = await seen();
      await outbox.start();
      const other = await another();
      await publish(1);
      await db.transaction(() => other.publish(topic, { value: 2 }));
      await outbox.close();
      await inTheEnd(() => values(messages), [1, 2]);
      for (const call of [
        () => outbox.publish(topic, { value: 1 }),
        () => outbox.relayOnce(),
        () => outbox.start(),
        () => outbox.stats(),
        () => outbox.parked(),
        () => outbox.inbox.run('c', 'm', async () => 1),
      ])
        await rejects(call(), isCode('FAILED_PRECONDITION'));
      equal((await outbox.health()).status, 'down');
      await outbox.close();
    },
  },
};
