import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { uniqueName, until } from '@infra-kit/testkit';

/** How long one request may take before the impatient clients give it up. */
export const IMPATIENCE_MS = 1_000;
const PATIENCE_MS = 20_000;

/** What fault specs want of a Kafka client. */
export interface KafkaClient {
  /** One try, given up after IMPATIENCE_MS. */
  send(value: string): Promise<void>;
  /** Everything in the topic so far that is among the wanted, by a new group, once all wanted have come. */
  readAll(wanted: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export async function kafkajsClient(broker: string, topic: string): Promise<KafkaClient> {
  const options = { clientId: 'testkit', brokers: [broker], logLevel: logLevel.NOTHING };
  const impatient = new Kafka({
    ...options,
    requestTimeout: IMPATIENCE_MS,
    connectionTimeout: IMPATIENCE_MS,
    retry: { retries: 0 },
  });
  const patient = new Kafka({ ...options, retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 500 } });
  const producer = impatient.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  return {
    async send(value) {
      await producer.send({ topic, messages: [{ value }] });
    },
    async readAll(wanted) {
      const consumer = patient.consumer({ groupId: uniqueName('readers'), maxWaitTimeInMs: 100 });
      const seen = new Set<string>();
      await consumer.connect();
      try {
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        await consumer.run({
          eachMessage: async ({ message }) => {
            seen.add(String(message.value));
          },
        });
        const all = (): boolean => wanted.every((value) => seen.has(value));
        await until(`kafkajs reads ${wanted.join(', ')}`, all, { deadlineMs: PATIENCE_MS });
      } finally {
        await consumer.disconnect();
      }
    },
    close: () => producer.disconnect(),
  };
}

export async function platformaticClient(broker: string, topic: string): Promise<KafkaClient> {
  const options = {
    clientId: 'testkit',
    bootstrapBrokers: [broker],
  };
  const impatient = {
    requestTimeout: IMPATIENCE_MS,
    connectTimeout: IMPATIENCE_MS,
    timeout: IMPATIENCE_MS,
    retries: 0,
  };
  const producer = new Producer({ ...options, ...impatient, serializers: stringSerializers });
  return {
    async send(value) {
      await producer.send({ messages: [{ topic, value }], acks: -1 });
    },
    async readAll(wanted) {
      const consumer = new Consumer({
        ...options,
        groupId: uniqueName('readers'),
        retries: 20,
        retryDelay: 100,
        maxWaitTime: 100,
        deserializers: stringDeserializers,
      });
      const missing = new Set(wanted);
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest' });
      for await (const { value } of stream) {
        missing.delete(value);
        if (missing.size === 0) break;
      }
      await consumer.close(true);
    },
    close: () => producer.close(),
  };
}
