import { afterEach, describe, expect, it } from '@jest/globals';
import { Admin, Producer } from '@platformatic/kafka';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq, type IncomingMessage, type MqOptions, type MqProvider } from '@infra-kit/mq';
import { sharedKafka, uniqueName } from '@infra-kit/testkit';
import { SilentLogger } from './fixtures/silent-logger.js';

const PATIENCE = { withinMs: 40_000 };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const values = (messages: readonly IncomingMessage<unknown>[]): unknown[] =>
  messages.map(({ value }) => value);
const byNumber = (a: unknown, b: unknown): number => Number(a) - Number(b);

describe('a consumer on @platformatic/kafka', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  async function open(client: 'kafkajs' | 'platformatic', options: MqOptions = {}): Promise<MqProvider> {
    const { brokers } = sharedKafka();
    const deps = { env: 'test', logger: new SilentLogger() };
    const mq = await createMq({ driver: 'kafka', client, brokers, ...options }, deps);
    ends.push(() => mq.close());
    return mq;
  }

  it.each([
    ['kafkajs', 'platformatic'],
    ['platformatic', 'kafkajs'],
  ] as const)('understands what the other client sends, and is understood: %s to %s', async (from, to) => {
    const [sender, receiver] = [await open(from), await open(to)];
    const topic = uniqueName('across');
    await sender.admin.createTopic(topic, { partitions: 3 });
    const seen: IncomingMessage<unknown>[] = [];
    await receiver.subscribe(topic, async (message) => void seen.push(message), { group: uniqueName('g') });
    const keys = ['a', 'b', 'order-4711', 'müsli'];
    const receipts = await sender.sendBatch(
      topic,
      keys.map((key) => ({ key, value: { key }, headers: { tenant: 'x' } })),
    );
    await eventually(() => expect(seen).toHaveLength(keys.length), PATIENCE);
    for (const [index, key] of keys.entries()) {
      const { partition, offset } = receipts[index] ?? {};
      const match = { key, value: { key }, partition, offset, headers: { tenant: 'x' } };
      expect(seen.find((message) => message.key === key)).toMatchObject(match);
    }
    // a key stays in its partition when the service changes its client
    const again = await receiver.sendBatch(
      topic,
      keys.map((key) => ({ key, value: 'again' })),
    );
    expect(again.map(({ partition }) => partition)).toEqual(receipts.map(({ partition }) => partition));
    const memory = await createMq({ driver: 'memory' }, { env: 'test' });
    ends.push(() => memory.close());
    await memory.admin.createTopic(topic, { partitions: 3 });
    const inMemory = await memory.sendBatch(
      topic,
      keys.map((key) => ({ key, value: 1 })),
    );
    expect(inMemory.map(({ partition }) => partition)).toEqual(receipts.map(({ partition }) => partition));
  });

  it('shares a group with members on kafkajs: services change their client one by one', async () => {
    const [one, two] = [await open('platformatic'), await open('kafkajs')];
    const topic = uniqueName('mixed');
    const group = uniqueName('group');
    await one.admin.createTopic(topic, { partitions: 4 });
    const seen: IncomingMessage<unknown>[] = [];
    const join = (mq: MqProvider): ReturnType<MqProvider['subscribe']> =>
      mq.subscribe(topic, async (message) => void seen.push(message), { group });
    const first = await join(one);
    const second = await join(two);
    await eventually(() => {
      expect(first.stats().assigned).toHaveLength(2);
      expect(second.stats().assigned).toHaveLength(2);
    }, PATIENCE);
    const send = (from: number): Promise<unknown> =>
      one.sendBatch(
        topic,
        numbers(40).map((value) => ({ value: value + from, partition: value % 4 })),
      );
    await send(0);
    await eventually(() => expect(seen).toHaveLength(40), PATIENCE);
    await first.close();
    await eventually(() => expect(second.stats().assigned).toHaveLength(4), PATIENCE);
    await send(40);
    await eventually(() => expect(values(seen).toSorted(byNumber)).toEqual(numbers(80)), PATIENCE);
  }, 90_000);

  it.each(['kafkajs', 'platformatic'] as const)(
    'stays in its group while a handler and its retry take longer than the session: %s',
    async (client) => {
      const mq = await open(client, { consumer: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 500 } });
      const topic = uniqueName('long');
      const seen: string[] = [];
      const door = Promise.withResolvers<void>();
      const subscription = await mq.subscribe<number>(
        topic,
        async ({ value, attempt }) => {
          seen.push(`${value}#${attempt}`);
          if (value === 0 && attempt === 1) await door.promise;
        },
        { group: uniqueName('group'), maxInFlight: 1, retry: { backoffMs: 3500, jitter: 0 } },
      );
      await mq.sendBatch(
        topic,
        numbers(3).map((value) => ({ value })),
      );
      setTimeout(() => door.reject(new Error('once more')), 3500);
      await eventually(() => expect(seen).toEqual(['0#1', '0#2', '1#1', '2#1']), PATIENCE);
      await subscription.commit(); // the group takes it from its members alone
      expect(await subscription.lag()).toMatchObject([{ committed: 3n, lag: 0n }]);
      expect(subscription.stats()).toMatchObject({ state: 'running', restarts: 0 });
      expect((await mq.health()).status).toBe('up');
    },
    90_000,
  );

  it('fetches no more than the handlers take: a slow one holds its partitions back', async () => {
    const mq = await open('platformatic', { consumer: { maxBytesPerPartition: 4096 } });
    const topic = uniqueName('slow');
    const door = Promise.withResolvers<void>();
    const seen: unknown[] = [];
    const options = { group: uniqueName('group'), maxInFlight: 10, fromBeginning: true };
    for (const request of numbers(40))
      await mq.sendBatch(
        topic,
        numbers(10).map((value) => ({ value: `${request} ${value} ${'x'.repeat(500)}` })),
      );
    const subscription = await mq.subscribe(
      topic,
      async ({ value }) => {
        await door.promise;
        seen.push(value);
      },
      options,
    );
    await eventually(() => expect(subscription.stats().inFlight).toBeGreaterThanOrEqual(1), PATIENCE);
    const other = await open('platformatic');
    let all = 0;
    await other.subscribe(topic, async () => void all++, { ...options, group: uniqueName('quick') });
    await eventually(() => expect(all).toBe(400), PATIENCE);
    expect(subscription.stats().inFlight).toBeLessThanOrEqual(20); // the limit, and what one fetch brings
    door.resolve();
    await eventually(() => expect(seen).toHaveLength(400), PATIENCE);
  }, 90_000);

  it('goes on at what is left when its place was deleted', async () => {
    const mq = await open('platformatic');
    const topic = uniqueName('cut');
    const seen: IncomingMessage<unknown>[] = [];
    const group = uniqueName('group');
    const subscription = await mq.subscribe(topic, async (message) => void seen.push(message), { group });
    subscription.pause();
    for (const value of numbers(6)) await mq.send(topic, { value });
    const admin = new Admin({ clientId: 'cut', bootstrapBrokers: [...sharedKafka().brokers] });
    ends.push(() => admin.close());
    await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }] }] });
    await subscription.seek(topic, 0, 1n);
    subscription.resume();
    await eventually(() => expect(values(seen)).toEqual([4, 5]), PATIENCE);
  }, 90_000);

  it('takes over partitions that were added', async () => {
    const mq = await open('platformatic', { consumer: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 500 } });
    const topic = uniqueName('grown');
    const seen: IncomingMessage<unknown>[] = [];
    await mq.admin.createTopic(topic, { partitions: 1 });
    const group = uniqueName('group');
    const subscription = await mq.subscribe(topic, async (message) => void seen.push(message), { group });
    const admin = new Admin({ clientId: 'grow', bootstrapBrokers: [...sharedKafka().brokers] });
    ends.push(() => admin.close());
    await admin.createPartitions({
      topics: [{ name: topic, count: 3, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] }],
    });
    await eventually(() => expect(subscription.stats().assigned).toHaveLength(3), PATIENCE);
    const other = await open('platformatic');
    await other.send(topic, { value: 'there', partition: 2 });
    await eventually(() => expect(values(seen)).toEqual(['there']), PATIENCE);
  }, 60_000);

  it('goes on with the topics that are left when one is deleted', async () => {
    const mq = await open('platformatic', { consumer: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 500 } });
    const [gone, stays] = [uniqueName('gone'), uniqueName('stays')];
    const seen: IncomingMessage<unknown>[] = [];
    const options = { group: uniqueName('group') };
    const subscription = await mq.subscribe(
      [gone, stays],
      async (message) => void seen.push(message),
      options,
    );
    await mq.admin.deleteTopic(gone);
    await eventually(() => expect(subscription.stats().assigned).toHaveLength(1), PATIENCE);
    await mq.send(stays, { value: 'still here' });
    await eventually(() => expect(values(seen)).toEqual(['still here']), PATIENCE);
    expect(subscription.stats()).toMatchObject({ restarts: 0 });
  }, 60_000);

  it('sees committed transactions alone', async () => {
    const mq = await open('platformatic');
    const topic = uniqueName('transactions');
    const seen: IncomingMessage<unknown>[] = [];
    await mq.admin.createTopic(topic);
    await mq.subscribe(topic, async (message) => void seen.push(message), { group: uniqueName('group') });
    const producer = new Producer({
      clientId: 'transactions',
      bootstrapBrokers: [...sharedKafka().brokers],
      idempotent: true,
      transactionalId: uniqueName('transaction'),
      retries: 20,
      retryDelay: 50,
    });
    ends.push(() => producer.close(true));
    const messages = (text: string): { topic: string; value: Buffer }[] => [
      { topic, value: Buffer.from(JSON.stringify(text)) },
    ];
    const first = await producer.beginTransaction();
    await first.send({ messages: messages('aborted') });
    await first.abort();
    const second = await producer.beginTransaction();
    await second.send({ messages: messages('committed') });
    await second.commit();
    await mq.send(topic, { value: 'plain' });
    await eventually(() => expect(values(seen)).toEqual(['committed', 'plain']), PATIENCE);
  }, 60_000);
});
