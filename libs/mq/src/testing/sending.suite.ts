import assert from 'node:assert/strict';
import { collect, rejects, soon, values, type SuiteTest } from './suite-target.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

export const sendingTests: Readonly<Record<string, SuiteTest>> = {
  'a message arrives with its key, value, headers and place': async (bench) => {
    const mq = await bench.mq();
    await mq.admin.createTopic('orders', { partitions: 3 });
    const { seen } = await collect(mq, 'orders', { group: bench.group });
    const timestamp = 1_700_000_000_000;
    const headers = { tenant: 'a', bytes: Buffer.from([0xff, 0]) };
    const receipt = await mq.send('orders', { key: 'k1', value: { total: 3, ok: true }, headers, timestamp });
    await soon(() => assert.equal(seen.length, 1));
    const [message] = seen;
    assert.ok(message);
    assert.deepEqual(receipt, { topic: 'orders', partition: message.partition, offset: message.offset });
    assert.equal(message.topic, 'orders');
    assert.equal(message.key, 'k1');
    assert.deepEqual(message.value, { total: 3, ok: true });
    assert.equal(message.headers['tenant'], 'a');
    assert.deepEqual(message.rawHeaders['bytes'], Buffer.from([0xff, 0]));
    assert.equal(message.raw.toString(), '{"total":3,"ok":true}');
    assert.equal(message.timestamp, timestamp);
    assert.equal(message.attempt, 1);
  },

  'a header may be called anything, also as what every object has': async (bench) => {
    const mq = await bench.mq();
    const { seen } = await collect(mq, 'names', { group: bench.group });
    const names = ['constructor', 'toString', '__proto__'];
    const headers = Object.fromEntries(names.map((name) => [name, `of ${name}`]));
    await mq.send('names', { value: 1, headers });
    await soon(() => assert.equal(seen.length, 1));
    const own = Object.entries(seen[0]?.headers ?? {}).filter(([name]) => names.includes(name));
    assert.deepEqual(Object.fromEntries(own), headers);
  },

  'a key that is no text comes as bytes, a message without one has none, a tombstone has no value': async (
    bench,
  ) => {
    const mq = await bench.mq();
    const { seen } = await collect(mq, 'kinds', { group: bench.group });
    await mq.send('kinds', { key: Buffer.from([0xfe, 0xff]), value: 'bytes' });
    await mq.send('kinds', { value: 'none' });
    await mq.send('kinds', { key: 'gone', value: null });
    await soon(() => assert.equal(seen.length, 3));
    assert.deepEqual(
      seen.map(({ key }) => key),
      [Buffer.from([0xfe, 0xff]), undefined, 'gone'],
    );
    assert.deepEqual(values(seen), ['bytes', 'none', null]);
  },

  'keys go to the partitions that other Kafka clients choose': async (bench) => {
    const mq = await bench.mq();
    await mq.admin.createTopic('keyed', { partitions: 10 });
    const keys = ['', 'a', 'ab', 'abc', 'abcd', 'key-1', 'müsli', 'a-longer-key-of-an-order-4711'];
    const receipts = await mq.sendBatch(
      'keyed',
      keys.map((key) => ({ key, value: key })),
    );
    // the answers of Kafka's own murmur2 partitioner
    assert.deepEqual(
      receipts.map(({ partition }) => partition),
      PARTITIONS_OF_KAFKA,
    );
  },

  'a batch answers one receipt a message, offsets rising in each partition': async (bench) => {
    const mq = await bench.mq();
    await mq.admin.createTopic('batch', { partitions: 2 });
    const receipts = await mq.sendBatch(
      'batch',
      numbers(6).map((value) => ({ value, partition: value % 2 })),
    );
    assert.deepEqual(
      receipts.map(({ partition, offset }) => [partition, offset]),
      numbers(6).map((value) => [value % 2, BigInt(Math.floor(value / 2))]),
    );
    assert.deepEqual(await mq.sendBatch('batch', []), []);
  },

  'sends in parallel keep their order and each gets its own receipt': async (bench) => {
    const mq = await bench.mq();
    const { seen } = await collect(mq, 'parallel', { group: bench.group });
    const receipts = await Promise.all(
      numbers(300).map((value) => mq.send('parallel', { key: 'one', value })),
    );
    assert.deepEqual(
      receipts.map(({ offset }) => offset),
      numbers(300).map(BigInt),
    );
    await soon(() => assert.equal(seen.length, 300));
    assert.deepEqual(values(seen), numbers(300));
  },

  'sendAsync tells its callback, and flush waits for all': async (bench) => {
    const mq = await bench.mq();
    const offsets: (bigint | undefined)[] = [];
    for (const value of numbers(50))
      mq.sendAsync('async', { value, key: 'one' }, (_error, receipt) => offsets.push(receipt?.offset));
    await mq.flush();
    assert.deepEqual(offsets, numbers(50).map(BigInt));
    assert.equal(mq.stats().bufferedBytes, 0);
  },

  'what cannot be sent is refused, with nothing sent': async (bench) => {
    const mq = await bench.mq();
    await mq.admin.createTopic('bad', { partitions: 1 });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const topic of ['', 'a b', 'a/b', 'x'.repeat(250)])
      await rejects('INVALID_ARGUMENT', mq.send(topic, { value: 1 }));
    for (const value of [undefined, cycle, 1n, () => 1])
      await rejects('INVALID_ARGUMENT', mq.sendBatch<unknown>('bad', [{ value: 1 }, { value }]));
    await rejects('INVALID_ARGUMENT', mq.sendBatch('bad', [{ value: 1 }, { value: 2, partition: 1 }]));
    await rejects('INVALID_ARGUMENT', mq.send('bad', { value: 'x'.repeat(1_000_000) }));
    const receipt = await mq.send('bad', { value: 'good' });
    assert.equal(receipt.offset, 0n);
  },

  'topics are made, listed, refused twice, and deleted': async (bench) => {
    const mq = await bench.mq({ createTopics: false });
    await mq.admin.createTopic('made', { partitions: 2 });
    await rejects('ALREADY_EXISTS', mq.admin.createTopic('made', { partitions: 2 }));
    assert.deepEqual(await mq.admin.topics(), ['made']);
    await mq.send('made', { value: 1 });
    await mq.admin.deleteTopic('made');
    await soon(async () => assert.deepEqual(await mq.admin.topics(), []));
    await rejects('NOT_FOUND', mq.admin.deleteTopic('made'));
    await rejects('NOT_FOUND', mq.send('never', { value: 1 }));
  },
};

const PARTITIONS_OF_KAFKA = [1, 4, 4, 7, 0, 0, 4, 4];
