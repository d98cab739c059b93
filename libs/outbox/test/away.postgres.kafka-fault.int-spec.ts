import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { eventually, RecordingLogger } from '@infra-kit/kernel/testing';
import { createMq, type MqProvider } from '@infra-kit/mq';
import { createOutbox, MESSAGE_ID_HEADER, type OutboxProvider } from '@infra-kit/outbox';
import {
  createDatabase,
  launchKafka,
  uniqueName,
  type OwnDatabase,
  type RunningServer,
} from '@infra-kit/testkit';

jest.setTimeout(300_000);
const PATIENT = { withinMs: 120_000 };
const KEYS = 20;
/** One a second. */
const AN_HOUR = 3600;

const deps = { env: 'test', logger: new RecordingLogger() };
let server: RunningServer;
let database: OwnDatabase;
let db: DbProvider;
let mq: MqProvider;
let outbox: OutboxProvider;
beforeAll(async () => {
  server = await launchKafka();
  database = await createDatabase();
  db = await createDb({ url: database.url }, deps);
  mq = await createMq({ brokers: [server.url], defaultPartitions: 3, producer: { timeoutMs: 5000 } }, deps);
  outbox = await createOutbox(
    { maxAttempts: 2, backoffMs: 10, maxBackoffMs: 1000, sendTimeoutMs: 5000 },
    { db, mq, ...deps },
  );
}, 120_000);
afterAll(async () => {
  await outbox.close();
  await mq.close();
  await db.close();
  await database.drop();
  await server.stop();
});

it("an hour's worth of messages, gathered while Kafka was away, drains in the order of each key, and none is parked", async () => {
  const topic = uniqueName('away');
  let next = 0;
  const publish = async (count: number): Promise<void> => {
    for (const end = next + count; next < end; next += KEYS)
      await db.transaction(() =>
        outbox.publishAll(
          Array.from({ length: KEYS }, (_, key) => ({ topic, key: `key-${key}`, value: next + key })),
        ),
      );
  };
  await outbox.start();
  await publish(100);
  await eventually(async () => expect((await outbox.stats()).sent).toBe(100), PATIENT);

  await server.kill();
  // control: what is sent without an outbox is lost to its sender
  await expect(mq.send(topic, { value: 'by hand' }, { timeoutMs: 1000 })).rejects.toMatchObject({
    retryable: expect.anything(),
  });
  await publish(AN_HOUR);
  await eventually(async () => expect((await outbox.health()).detail['lastError']).toBeDefined(), PATIENT);
  expect(await outbox.stats()).toMatchObject({ pending: AN_HOUR, failed: 0, parked: 0 });

  await server.restart();
  await eventually(async () => expect((await outbox.stats()).pending).toBe(0), PATIENT);
  expect((await outbox.stats()).parked).toBe(0);

  const handled: number[] = [];
  const group = uniqueName('readers');
  await mq.subscribe<number>(
    topic,
    async ({ headers, value }) => {
      const { ran } = await outbox.inbox.run(group, headers[MESSAGE_ID_HEADER] ?? '', async () => undefined);
      if (ran) handled.push(value);
    },
    { group, fromBeginning: true },
  );
  await eventually(() => expect(handled.length).toBeGreaterThanOrEqual(100 + AN_HOUR), PATIENT);
  await mq.testing.drained(group, { timeoutMs: 60_000 });
  expect(handled).toHaveLength(100 + AN_HOUR);
  for (let key = 0; key < KEYS; key++) {
    const own = handled.filter((value) => value % KEYS === key);
    expect(own).toEqual(Array.from({ length: own.length }, (_, index) => index * KEYS + key));
  }
});
