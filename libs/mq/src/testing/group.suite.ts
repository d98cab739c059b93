import assert from 'node:assert/strict';
import type { IncomingMessage } from '../mq.messages.js';
import { collect, gate, rejects, soon, values, type SuiteTest } from './suite-target.js';

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => at + from);
const sorted = (messages: readonly IncomingMessage<unknown>[]): number[] =>
  values(messages)
    .map(Number)
    .toSorted((a, b) => a - b);

export const groupTests: Readonly<Record<string, SuiteTest>> = {
  'every group gets every message': async (bench) => {
    const mq = await bench.mq();
    const one = await collect(mq, 'news', { group: `${bench.group}-1` });
    const two = await collect(mq, 'news', { group: `${bench.group}-2` });
    await mq.send('news', { value: 1 });
    await soon(() => assert.deepEqual([values(one.seen), values(two.seen)], [[1], [1]]));
  },

  'a new group begins at the oldest message when asked, else at what comes': async (bench) => {
    const mq = await bench.mq();
    await mq.send('past', { value: 'old' });
    const all = await collect(mq, 'past', { group: `${bench.group}-all`, fromBeginning: true });
    const fresh = await collect(mq, 'past', { group: `${bench.group}-new` });
    await mq.send('past', { value: 'new' });
    await soon(() => assert.deepEqual([values(all.seen), values(fresh.seen)], [['old', 'new'], ['new']]));
  },

  'what came while no member was there is not missed, and a clean restart repeats nothing': async (bench) => {
    const mq = await bench.mq();
    const first = await collect(mq, 'restart', { group: bench.group });
    await mq.sendBatch(
      'restart',
      numbers(20).map((value) => ({ value })),
    );
    await soon(() => assert.ok(first.seen.length >= 3));
    await first.subscription.close();
    await mq.sendBatch(
      'restart',
      numbers(20, 20).map((value) => ({ value })),
    );
    const second = await collect(mq, 'restart', { group: bench.group });
    await soon(() => assert.equal(first.seen.length + second.seen.length, 40));
    assert.deepEqual(values([...first.seen, ...second.seen]), numbers(40));
  },

  'members of a group share its partitions, and each message is handled once': async (bench) => {
    const mq = await bench.mq();
    await mq.admin.createTopic('shared', { partitions: 4 });
    const one = await collect(mq, 'shared', { group: bench.group });
    const two = await collect(await bench.mq(), 'shared', { group: bench.group });
    await soon(() => {
      assert.equal(one.subscription.stats().assigned.length, 2);
      assert.equal(two.subscription.stats().assigned.length, 2);
    });
    await mq.sendBatch(
      'shared',
      numbers(40).map((value) => ({ value, partition: value % 4 })),
    );
    await soon(() => assert.deepEqual(sorted([...one.seen, ...two.seen]), numbers(40)));
    assert.ok(one.seen.length > 0 && two.seen.length > 0);
  },

  'members of one group that want different topics each get their own': async (bench) => {
    const mq = await bench.mq();
    const apples = await collect(mq, 'apples', { group: bench.group });
    const pears = await collect(await bench.mq(), 'pears', { group: bench.group });
    await mq.send('apples', { value: 'apple' });
    await mq.send('pears', { value: 'pear' });
    await soon(() => assert.deepEqual([values(apples.seen), values(pears.seen)], [['apple'], ['pear']]));
  },

  'one subscription reads several topics': async (bench) => {
    const mq = await bench.mq();
    const { seen } = await collect(mq, ['left', 'right'], { group: bench.group });
    await mq.send('left', { value: 1 });
    await mq.send('right', { value: 2 });
    await soon(() => assert.deepEqual(sorted(seen), [1, 2]));
    assert.deepEqual(seen.map(({ topic }) => topic).toSorted(), ['left', 'right']);
  },

  'a rebalance in the middle of a handler neither loses nor repeats nor reorders a key': async (bench) => {
    const mq = await bench.mq();
    await mq.admin.createTopic('moving', { partitions: 4 });
    const ends: number[] = [];
    const door = gate();
    const handler = async (message: IncomingMessage<unknown>): Promise<void> => {
      if (message.value === 0) await door.passed;
      ends.push(Number(message.value));
    };
    const options = { group: bench.group, concurrency: 8 };
    const one = await collect(mq, 'moving', options, handler);
    await mq.sendBatch(
      'moving',
      numbers(80).map((value) => ({ value, key: `key-${value % 8}` })),
    );
    await soon(() => assert.ok(values(one.seen).includes(0)));
    const joining = bench.mq().then((other) => collect(other, 'moving', options, handler));
    setTimeout(() => door.open(), 300);
    await joining;
    await soon(() => assert.equal(ends.length, 80));
    assert.deepEqual(
      ends.toSorted((a, b) => a - b),
      numbers(80),
    );
    for (const key of numbers(8)) {
      const ofKey = ends.filter((value) => value % 8 === key);
      assert.deepEqual(
        ofKey,
        ofKey.toSorted((a, b) => a - b),
      );
    }
  },

  'handlers run in parallel, each key in its order': async (bench) => {
    const mq = await bench.mq();
    const door = gate();
    const ends: unknown[] = [];
    const options = { group: bench.group, concurrency: 4 };
    await collect(mq, 'keys', options, async ({ value, key }) => {
      if (key === 'slow') await door.passed;
      ends.push(value);
    });
    await mq.send('keys', { key: 'slow', value: 's1' });
    await mq.send('keys', { key: 'slow', value: 's2' });
    for (const value of numbers(20)) await mq.send('keys', { key: `fast-${value % 3}`, value });
    await soon(() => assert.equal(ends.length, 20));
    door.open();
    await soon(() => assert.deepEqual(ends.slice(20), ['s1', 's2']));
    for (const key of numbers(3))
      assert.deepEqual(
        ends.filter((value) => typeof value === 'number' && value % 3 === key),
        numbers(20).filter((value) => value % 3 === key),
      );
  },

  'what is finished above the lowest unfinished message is not committed': async (bench) => {
    const mq = await bench.mq();
    const door = gate();
    const first = await collect(mq, 'lowest', { group: bench.group, concurrency: 4 }, async ({ value }) => {
      if (value === 1) await door.passed;
    });
    for (const value of numbers(5)) await mq.send('lowest', { key: `k${value}`, value });
    await soon(() => assert.equal(first.seen.length, 5));
    await first.subscription.commit();
    const [lag] = await mq.admin.lag(bench.group);
    assert.deepEqual([lag?.committed, lag?.end, lag?.lag], [1n, 5n, 4n]);
    door.open();
    await mq.testing.drained(bench.group);
    assert.deepEqual(
      (await mq.admin.lag(bench.group)).map((each) => each.lag),
      [0n],
    );
  },

  'the lag of a group is told although one of its topics is gone': async (bench) => {
    const mq = await bench.mq();
    for (const topic of ['kept', 'gone']) {
      await mq.send(topic, { value: 1 });
      await mq.admin.resetOffsets(bench.group, topic, 'latest');
    }
    await mq.admin.deleteTopic('gone');
    const [lag, ...others] = await mq.admin.lag(bench.group);
    assert.deepEqual([lag?.topic, lag?.lag], ['kept', 0n]);
    assert.ok(others.length === 0);
  },

  'pause stops handlers, resume goes on where it stood, seek goes anywhere': async (bench) => {
    const mq = await bench.mq();
    const { seen, subscription } = await collect(mq, 'paused', { group: bench.group });
    await mq.send('paused', { value: 0 });
    await soon(() => assert.equal(seen.length, 1));
    subscription.pause();
    assert.equal(subscription.stats().state, 'paused');
    await mq.send('paused', { value: 1 });
    const [lag] = await subscription.lag();
    assert.equal(lag?.lag, lag?.end === 2n ? 2n - lag.committed : undefined);
    subscription.resume();
    await soon(() => assert.deepEqual(values(seen), [0, 1]));
    await subscription.seek('paused', 0, 0n);
    await soon(() => assert.deepEqual(values(seen), [0, 1, 0, 1]));
    await rejects('NOT_FOUND', subscription.seek('paused', 7, 0n));
    for (const nowhere of [-1, 1.5, 1000n])
      await rejects('INVALID_ARGUMENT', subscription.seek('paused', 0, nowhere));
  },

  'nothing is handled while paused': async (bench) => {
    const mq = await bench.mq();
    const paused = await collect(mq, 'still', { group: bench.group });
    const other = await collect(mq, 'still', { group: `${bench.group}-other` });
    paused.subscription.pause();
    await mq.send('still', { value: 1 });
    await soon(() => assert.equal(other.seen.length, 1));
    assert.equal(paused.seen.length, 0);
    paused.subscription.resume();
    await soon(() => assert.equal(paused.seen.length, 1));
  },

  'closing waits for the handler that runs and commits what it did': async (bench) => {
    const mq = await bench.mq();
    const door = gate();
    const first = await collect(mq, 'drain', { group: bench.group }, () => door.passed);
    await mq.sendBatch('drain', [{ value: 1 }, { value: 2 }]);
    await soon(() => assert.equal(first.seen.length, 1));
    const closing = first.subscription.close();
    door.open();
    await closing;
    const second = await collect(mq, 'drain', { group: bench.group });
    await soon(() => assert.deepEqual(values(second.seen), [2]));
  },

  'a batch handler gets messages of one partition in order': async (bench) => {
    const mq = await bench.mq();
    await mq.admin.createTopic('batches', { partitions: 2 });
    const seen: IncomingMessage<unknown>[] = [];
    const sizes: number[] = [];
    const subscription = await mq.subscribeBatch(
      'batches',
      async ({ messages, partition }) => {
        assert.ok(messages.every((message) => message.partition === partition));
        sizes.push(messages.length);
        seen.push(...messages);
      },
      { group: bench.group, batchSize: 10 },
    );
    subscription.pause();
    await mq.sendBatch(
      'batches',
      numbers(60).map((value) => ({ value, partition: value % 2 })),
    );
    subscription.resume();
    await soon(() => assert.equal(seen.length, 60));
    assert.ok(sizes.length < 60 && Math.max(...sizes) <= 10, String(sizes));
    assert.deepEqual(
      values(seen.filter(({ partition }) => partition === 1)),
      numbers(60).filter((value) => value % 2 === 1),
    );
  },

  'offsets are reset to the ends, a time, or a number, while nobody is in the group': async (bench) => {
    const mq = await bench.mq();
    const first = await collect(mq, 'reset', { group: bench.group });
    for (const value of numbers(4)) await mq.send('reset', { value, timestamp: 1_700_000_000_000 + value });
    await soon(() => assert.equal(first.seen.length, 4));
    await rejects('FAILED_PRECONDITION', mq.admin.resetOffsets(bench.group, 'reset', 'earliest'));
    await first.subscription.close();
    const committed = async (): Promise<bigint | undefined> =>
      (await mq.admin.lag(bench.group))[0]?.committed;
    assert.equal(await committed(), 4n);
    await soon(() => mq.admin.resetOffsets(bench.group, 'reset', 'earliest'));
    assert.equal(await committed(), 0n);
    await mq.admin.resetOffsets(bench.group, 'reset', new Date(1_700_000_000_002));
    assert.equal(await committed(), 2n);
    await mq.admin.resetOffsets(bench.group, 'reset', { 0: 3n });
    const second = await collect(mq, 'reset', { group: bench.group });
    await soon(() => assert.deepEqual(values(second.seen), [3]));
  },
};
