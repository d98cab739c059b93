import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq, type IncomingMessage, type MqProvider } from '@infra-kit/mq';
import { createOutbox, MESSAGE_ID_HEADER, type OutboxProvider } from '@infra-kit/outbox';
import { createDatabase, sharedKafka, uniqueName, type OwnDatabase } from '@infra-kit/testkit';
import { workUntilKilled, type WorkerArguments } from './fixtures/workers.js';

jest.setTimeout(240_000); // processes start slowly, and members leave late, on a machine that is busy
const PATIENT = { withinMs: 120_000 };

let database: OwnDatabase;
let db: DbProvider;
let mq: MqProvider;
let outbox: OutboxProvider;
const { brokers } = sharedKafka();
beforeAll(async () => {
  database = await createDatabase();
  db = await createDb({ url: database.url, pool: { max: 20 } }, { env: 'test' });
  await db.sql`create table orders (id text)`;
  await db.sql`create table effects (id text)`;
  mq = await createMq({ brokers: [...brokers] }, { env: 'test' });
  outbox = await createOutbox({}, { db, mq, env: 'test' });
}, 120_000);
afterAll(async () => {
  await outbox.close();
  await mq.close();
  await db.close();
  await database.drop();
});

const kill = (work: Omit<WorkerArguments, 'url' | 'brokers'>): Promise<NodeJS.Signals | null> =>
  workUntilKilled({ url: database.url, brokers, ...work });
const effects = async (id: unknown): Promise<number> =>
  (await db.sql`select 1 as one from effects where id = ${id}`).length;

async function topicFor(name: string): Promise<string> {
  const topic = uniqueName(name.replaceAll(' ', '-'));
  await mq.admin.createTopic(topic);
  return topic;
}

describe('a publisher killed at any step', () => {
  it.each([
    ['before order', 0],
    ['after order', 0],
    ['before message', 0],
    ['after message', 0],
    ['after transaction', 1],
  ])('leaves data and message, or neither: %s', async (killAt, left) => {
    const topic = uniqueName('publisher');
    expect(await kill({ mode: 'publish', topic, killAt })).toBe('SIGKILL');
    const orders = await db.sql`select 1 as one from orders where id = ${killAt}`;
    const messages = await db.sql`select 1 as one from infra_outbox where topic = ${topic}`;
    expect([orders.length, messages.length]).toEqual([left, left]);
    await db.sql`delete from infra_outbox where topic = ${topic}`;
  });

  it('control: who writes and sends by hand leaves data without a message', async () => {
    const topic = await topicFor('by hand');
    const seen: unknown[] = [];
    const group = uniqueName('by-hand');
    await mq.subscribe(topic, async ({ value }) => void seen.push(value), { group, fromBeginning: true });
    await db.sql`delete from orders`;
    expect(await kill({ mode: 'publish-by-hand', topic, killAt: 'after order' })).toBe('SIGKILL');
    await mq.testing.drained(group, { timeoutMs: 60_000 });
    expect([(await db.sql`select 1 as one from orders`).length, seen]).toEqual([1, []]);
  });
});

describe('a relay killed at any step', () => {
  const deliveries = new Map<unknown, number>();
  const bare = new Map<unknown, number>();
  let topic = '';
  const [handlers, witnesses] = [uniqueName('handlers'), uniqueName('witnesses')];
  beforeAll(async () => {
    topic = await topicFor('relay');
    const handle = async ({ headers, value }: IncomingMessage<unknown>): Promise<void> => {
      deliveries.set(value, (deliveries.get(value) ?? 0) + 1);
      await outbox.inbox.run(handlers, headers[MESSAGE_ID_HEADER] ?? '', async () => {
        await db.sql`insert into effects values (${value})`;
      });
    };
    await mq.subscribe(topic, handle, { group: handlers, fromBeginning: true });
    const count = async ({ value }: IncomingMessage<unknown>): Promise<void> =>
      void bare.set(value, (bare.get(value) ?? 0) + 1);
    await mq.subscribe(topic, count, { group: witnesses, fromBeginning: true });
  }, 120_000);

  it.each([
    ['before read', 1],
    ['after read', 1],
    ['before sending', 1],
    ['after sending', 2],
    ['before mark', 2],
    ['after mark', 1],
  ])('leaves each message delivered, and its effect once: %s', async (killAt, times) => {
    const values = [1, 2, 3].map((part) => `${killAt} ${part}`);
    await db.transaction(() => outbox.publishAll(values.map((value) => ({ topic, key: killAt, value }))));
    expect(await kill({ mode: 'relay', topic, killAt })).toBe('SIGKILL');
    await eventually(async () => {
      await outbox.relayOnce();
      expect((await outbox.stats()).pending).toBe(0);
    }, PATIENT);
    await eventually(
      () => expect(values.map((value) => deliveries.get(value))).toEqual([times, times, times]),
      PATIENT,
    );
    for (const group of [handlers, witnesses]) await mq.testing.drained(group, { timeoutMs: 60_000 });
    expect(await Promise.all(values.map(effects))).toEqual([1, 1, 1]);
    // control: what had its effect without the inbox has it as often as it came
    expect(values.map((value) => bare.get(value))).toEqual([times, times, times]);
  });
});

describe('a handler killed at any step', () => {
  const STEPS = [
    'before note',
    'after note',
    'before effect',
    'after effect',
    'after transaction',
    'before answer',
  ];

  /** Kills a handler of one message at the step, lets another of its group finish, and counts the effects. */
  async function effectsAfter(
    mode: 'consume' | 'consume-bare',
    killAt: string,
    topic: string,
  ): Promise<number> {
    const group = uniqueName('killed');
    await db.transaction(() => outbox.publish(topic, { value: topic }));
    await outbox.relayOnce();
    expect(await kill({ mode, topic, group, killAt })).toBe('SIGKILL');
    const done = Promise.withResolvers<void>();
    const finish = async ({ headers, value }: IncomingMessage<unknown>): Promise<void> => {
      const effect = async (): Promise<void> => void (await db.sql`insert into effects values (${value})`);
      if (mode === 'consume') await outbox.inbox.run(group, headers[MESSAGE_ID_HEADER] ?? '', effect);
      else await effect();
      done.resolve();
    };
    const subscription = await mq.subscribe(topic, finish, { group, fromBeginning: true, timeoutMs: 60_000 });
    await done.promise;
    await subscription.close();
    return effects(topic);
  }

  it('leaves one effect of its message', async () => {
    const topics: string[] = [];
    for (const step of STEPS) topics.push(await topicFor(step));
    const counts = await Promise.all(
      STEPS.map((step, at) => effectsAfter('consume', step, topics[at] ?? '')),
    );
    expect(counts).toEqual(STEPS.map(() => 1));
  });

  it('control: leaves two without the inbox, when it had its effect before', async () => {
    expect(await effectsAfter('consume-bare', 'after effect', await topicFor('bare'))).toBe(2);
  });
});
