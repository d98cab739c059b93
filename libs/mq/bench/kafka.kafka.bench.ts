import { randomUUID } from 'node:crypto';
import {
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { createMq, type MqProvider } from '@infra-kit/mq';
import { compare } from '@infra-kit/testkit/bench';
import { uniqueName } from '@infra-kit/testkit';

const brokers = process.env['INFRA_TEST_KAFKA_BROKERS']?.split(',');
if (brokers === undefined) throw new Error('INFRA_TEST_KAFKA_BROKERS is not set; run npm run bench -- mq');
const bootstrapBrokers = brokers;

const value = {
  id: 12_345,
  name: 'an order as services send them',
  lines: [{ sku: 'a', count: 2 }],
  total: 9.99,
  at: '2026-01-01T00:00:00Z',
};
const BATCH = 100;
const keys = Array.from({ length: BATCH }, (_, index) => `order-${index}`);

/** What the bare clients do by hand, as ours does: a trace on every message. */
function traced(): { readonly traceparent: string; readonly 'x-trace-id': string } {
  const traceId = randomUUID().replaceAll('-', '');
  return { traceparent: `00-${traceId}-${traceId.slice(16)}-00`, 'x-trace-id': traceId };
}

const open = (client: 'kafkajs' | 'platformatic'): Promise<MqProvider> =>
  createMq({ client, brokers, producer: { idempotent: false } }, { env: 'test' });
const ours = { kafkajs: await open('kafkajs'), platformatic: await open('platformatic') };
const kafka = new Kafka({ clientId: 'bench', brokers, logLevel: logLevel.NOTHING });
const bareKafkajs = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await bareKafkajs.connect();
const barePlatformatic = new Producer({
  clientId: 'bench',
  bootstrapBrokers: brokers,
  serializers: stringSerializers,
});

const topic = uniqueName('bench-send');
await ours.kafkajs.admin.createTopic(topic, { partitions: 3 });

for (const concurrency of [1, 64]) {
  const how = concurrency === 1 ? 'one at a time' : `${concurrency} in flight`;
  await compare({
    title: `mq: send, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: {
      name: 'kafkajs: JSON.stringify, a trace, send',
      run: () =>
        bareKafkajs.send({
          topic,
          messages: [{ key: 'k', value: JSON.stringify(value), headers: traced() }],
        }),
    },
    subjects: [
      {
        name: 'mq.send on kafkajs',
        goal: '>= 0.9',
        run: () => ours.kafkajs.send(topic, { key: 'k', value }),
      },
    ],
  });
  await compare({
    title: `mq: send on @platformatic/kafka, ${how}`,
    measure: 'throughput',
    concurrency,
    baseline: {
      name: '@platformatic/kafka: JSON.stringify, a trace, send',
      run: () =>
        barePlatformatic.send({
          messages: [{ topic, key: 'k', value: JSON.stringify(value), headers: traced() }],
          acks: -1,
        }),
    },
    subjects: [
      {
        name: 'mq.send on @platformatic/kafka',
        goal: '>= 0.9',
        run: () => ours.platformatic.send(topic, { key: 'k', value }),
      },
      { name: 'mq.send on kafkajs', run: () => ours.kafkajs.send(topic, { key: 'k', value }) },
    ],
  });
}

await compare({
  title: `mq: batches of ${BATCH}`,
  measure: 'throughput',
  baseline: {
    name: 'kafkajs: JSON.stringify, a trace, send',
    run: () =>
      bareKafkajs.send({
        topic,
        messages: keys.map((key) => ({ key, value: JSON.stringify(value), headers: traced() })),
      }),
  },
  subjects: [
    {
      name: 'mq.sendBatch on kafkajs',
      goal: '>= 0.9',
      run: () =>
        ours.kafkajs.sendBatch(
          topic,
          keys.map((key) => ({ key, value })),
        ),
    },
    {
      name: 'mq.sendBatch on @platformatic/kafka',
      run: () =>
        ours.platformatic.sendBatch(
          topic,
          keys.map((key) => ({ key, value })),
        ),
    },
  ],
});

/** How many messages have come, and a promise for the next thousand. */
class Counter {
  #seen = 0;
  #wanted = Infinity;
  #reached: () => void = () => undefined;

  readonly one = async (): Promise<void> => {
    if (++this.#seen >= this.#wanted) this.#reached();
  };
  next(count: number): Promise<void> {
    this.#wanted = this.#seen + count;
    return new Promise((resolve) => (this.#reached = resolve));
  }
}

const ROUND = 1000;
const roundOf = Array.from({ length: ROUND }, (_, index) => ({ key: `k${index % 50}`, value }));

async function consuming(mq: MqProvider): Promise<() => Promise<void>> {
  const name = uniqueName('bench-consume');
  await mq.admin.createTopic(name, { partitions: 3 });
  const counter = new Counter();
  await mq.subscribe(name, counter.one, { group: name, retry: { attempts: 3 } });
  return async () => {
    const done = counter.next(ROUND);
    await mq.sendBatch(name, roundOf);
    await done;
  };
}

async function bareConsuming(): Promise<() => Promise<void>> {
  const name = uniqueName('bench-consume');
  await ours.kafkajs.admin.createTopic(name, { partitions: 3 });
  const counter = new Counter();
  const consumer = kafka.consumer({ groupId: name, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topics: [name], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      JSON.parse(String(message.value));
      await counter.one();
    },
  });
  return async () => {
    const done = counter.next(ROUND);
    await bareKafkajs.send({
      topic: name,
      messages: roundOf.map((each) => ({ key: each.key, value: JSON.stringify(value), headers: traced() })),
    });
    await done;
  };
}

async function barePlatformaticConsuming(): Promise<() => Promise<void>> {
  const name = uniqueName('bench-consume');
  await ours.platformatic.admin.createTopic(name, { partitions: 3 });
  const counter = new Counter();
  const consumer = new Consumer({
    clientId: 'bench',
    groupId: name,
    bootstrapBrokers,
    deserializers: stringDeserializers,
    maxWaitTime: 500,
    autocommit: 200,
  });
  const stream = await consumer.consume({ topics: [name], mode: MessagesStreamModes.EARLIEST });
  stream.on('data', ({ value: text }) => {
    JSON.parse(String(text));
    void counter.one();
  });
  return async () => {
    const done = counter.next(ROUND);
    await barePlatformatic.send({
      messages: roundOf.map((each) => ({
        topic: name,
        key: each.key,
        value: JSON.stringify(value),
        headers: traced(),
      })),
      acks: -1,
    });
    await done;
  };
}

const kafkajsRound = await consuming(ours.kafkajs);
const platformaticRound = await consuming(ours.platformatic);
await compare({
  title: `mq: send ${ROUND} in a batch and handle each, kafkajs`,
  measure: 'throughput',
  baseline: { name: 'kafkajs: JSON, a trace, send, eachMessage', run: await bareConsuming() },
  subjects: [{ name: 'mq on kafkajs: codec, trace, retry policy', goal: '>= 0.9', run: kafkajsRound }],
});
await compare({
  title: `mq: send ${ROUND} in a batch and handle each, @platformatic/kafka`,
  measure: 'throughput',
  baseline: {
    name: '@platformatic/kafka: JSON, a trace, send, stream',
    run: await barePlatformaticConsuming(),
  },
  subjects: [
    { name: 'mq on @platformatic/kafka: codec, trace, retry policy', goal: '>= 0.9', run: platformaticRound },
    { name: 'mq on kafkajs', run: kafkajsRound },
  ],
});
process.exit(0);
