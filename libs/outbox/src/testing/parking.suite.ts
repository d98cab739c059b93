import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { inTheEnd, isCode, TOO_LARGE, values, type Bench, type SuiteCase } from './suite-target.js';

/** Passes until there is nothing to do. */
async function drain({ outbox }: Bench): Promise<void> {
  await inTheEnd(async () => (await outbox.relayOnce()) === 0 && (await settled(outbox)), true);
}

/** Nothing waits for its next try. */
async function settled(outbox: Bench['outbox']): Promise<boolean> {
  const before = await outbox.stats();
  await outbox.relayOnce();
  const after = await outbox.stats();
  return before.failed === after.failed && before.sent === after.sent && after.parked > 0;
}

const QUICK = { maxAttempts: 2, backoffMs: 1 };

export const parkingCases: Readonly<Record<string, SuiteCase>> = {
  'a message that cannot be sent is parked after its attempts, and blocks its own key alone': {
    options: QUICK,
    test: async (bench) => {
      const { outbox, publishKeyed, seen, topic } = bench;
      const messages = await seen();
      await publishKeyed('bad', 'before');
      const id = await publishKeyed('bad', TOO_LARGE);
      await publishKeyed('bad', 'behind');
      await publishKeyed('good', 'other');
      await drain(bench);
      await inTheEnd(() => new Set(values(messages)), new Set(['before', 'other']));
      const { pending, failed, parked } = await outbox.stats();
      deepEqual([pending, failed, parked], [1, 2, 1]);
      const [listed, ...more] = await outbox.parked();
      deepEqual(
        [listed?.id, listed?.topic, listed?.key, listed?.value, listed?.attempts, more],
        [id, topic, 'bad', TOO_LARGE, 2, []],
      );
      equal(listed?.error.code, 'INVALID_ARGUMENT');
      match(listed?.error.message ?? '', /over the limit/);
      equal((await outbox.health()).status, 'degraded');
    },
  },
  'retry sends it before those that waited behind it': {
    options: QUICK,
    test: async (bench) => {
      const { outbox, publishKeyed, seen, driver } = bench;
      const messages = await seen();
      driver.fail(() => new Error('refused'), ['produce']);
      const id = await publishKeyed('k', 1);
      await publishKeyed('k', 2);
      await drain(bench);
      driver.heal();
      equal(await outbox.relayOnce(), 0);
      equal(await outbox.retry([id]), 1);
      equal(await outbox.retry([id]), 0);
      await outbox.relayOnce();
      await inTheEnd(() => values(messages), [1, 2]);
      deepEqual(await outbox.parked(), []);
    },
  },
  'discard gives it up, and those behind it go on': {
    options: QUICK,
    test: async (bench) => {
      const { outbox, publishKeyed, seen, rows } = bench;
      const messages = await seen();
      const id = await publishKeyed('k', TOO_LARGE);
      await publishKeyed('k', 'behind');
      await drain(bench);
      equal(await outbox.discard([id]), 1);
      equal(await outbox.relayOnce(), 1);
      await inTheEnd(() => values(messages), ['behind']);
      deepEqual([await outbox.discard([id]), await rows()], [0, 1]);
    },
  },
  'with onParked skip those behind it go on by themselves': {
    options: { ...QUICK, onParked: 'skip' },
    test: async (bench) => {
      const { publishKeyed, seen } = bench;
      const messages = await seen();
      await publishKeyed('k', TOO_LARGE);
      await publishKeyed('k', 'behind');
      await drain(bench);
      await inTheEnd(() => values(messages), ['behind']);
    },
  },
  'a message that waits for its next try holds back those of its key, whatever onParked says': {
    options: { maxAttempts: 5, backoffMs: 60_000, maxBackoffMs: 60_000, onParked: 'skip' },
    test: async ({ outbox, publishKeyed, seen, driver }) => {
      const messages = await seen();
      await publishKeyed('k', TOO_LARGE);
      await publishKeyed('k', 'behind');
      await publishKeyed('other', 'free');
      equal(await outbox.relayOnce(), 1);
      equal(await outbox.relayOnce(), 0);
      await inTheEnd(() => values(messages), ['free']);
      deepEqual([(await outbox.stats()).pending, driver.calls.get('produce')], [2, 1]);
    },
  },
  'messages without a key wait for nobody': {
    options: QUICK,
    test: async (bench) => {
      const { db, outbox, topic, seen } = bench;
      const messages = await seen();
      await db.transaction(() => outbox.publishAll([TOO_LARGE, 'a', 'b'].map((value) => ({ topic, value }))));
      await drain(bench);
      await inTheEnd(() => values(messages), ['a', 'b']);
    },
  },
  'the list comes in pages, oldest first': {
    options: { maxAttempts: 1 },
    test: async (bench) => {
      const { outbox, publishKeyed } = bench;
      const ids: string[] = [];
      for (const key of ['a', 'b', 'c']) ids.push(await publishKeyed(key, TOO_LARGE));
      await drain(bench);
      const sorted = ids.sort();
      const first = await outbox.parked({ limit: 2 });
      const second = await outbox.parked({ limit: 2, after: first.at(-1)?.id });
      deepEqual(
        [...first, ...second].map(({ id }) => id),
        sorted,
      );
      await rejects(outbox.parked({ limit: 0 }), isCode('INVALID_ARGUMENT'));
      await rejects(outbox.parked({ after: 'x' }), isCode('INVALID_ARGUMENT'));
      await rejects(outbox.retry(['x']), isCode('INVALID_ARGUMENT'));
      await rejects(outbox.discard('x' as never), isCode('INVALID_ARGUMENT'));
    },
  },
};
