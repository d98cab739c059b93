import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq } from '@infra-kit/mq';
import { kafkajsDriver } from '@infra-kit/mq/kafkajs';
import { launchKafka, uniqueName, type RunningServer } from '@infra-kit/testkit';
import { kafkaOptions } from './fixtures/kafka-options.js';
import { SilentLogger } from './fixtures/silent-logger.js';

describe('an idempotent producer whose send was given up while Kafka stood still', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await launchKafka();
  }, 120_000);
  afterAll(() => server.stop());

  async function valuesOf(topic: string): Promise<unknown[]> {
    const driver = kafkajsDriver(kafkaOptions([server.url]));
    const mq = await createMq({ driver, codec: 'raw' }, { env: 'test', logger: new SilentLogger() });
    const values: unknown[] = [];
    const group = uniqueName('readers');
    await mq.subscribe<Buffer>(topic, async ({ value }) => void values.push(value.toString()), {
      group,
      fromBeginning: true,
    });
    await mq.testing.drained(group, { timeoutMs: 30_000 });
    await mq.close();
    await driver.close();
    return values;
  }

  it('loses nothing that it sends afterwards', async () => {
    const driver = kafkajsDriver(kafkaOptions([server.url]));
    const mq = await createMq({ driver, codec: 'raw' }, { env: 'test', logger: new SilentLogger() });
    const topic = uniqueName('given-up');
    await mq.send(topic, { value: 'first' });
    await server.pause();
    await expect(mq.send(topic, { value: 'given up' }, { timeoutMs: 1500 })).rejects.toThrow();
    await server.resume();
    await eventually(() => mq.send(topic, { value: 'after' }, { timeoutMs: 10_000 }), { withinMs: 30_000 });
    expect(await valuesOf(topic)).toContain('after');
    await mq.close();
    await driver.close();
  }, 120_000);

  it('control: a producer of kafkajs that goes on after it has a message acknowledged that is nowhere', async () => {
    const kafka = new Kafka({ brokers: [server.url], logLevel: logLevel.NOTHING, requestTimeout: 1000 });
    const producer = kafka.producer({
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 100 },
    });
    const admin = kafka.admin();
    const topic = uniqueName('control');
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    await producer.connect();
    await producer.send({ topic, messages: [{ value: 'first' }] });
    await server.pause();
    await expect(producer.send({ topic, messages: [{ value: 'given up' }] })).rejects.toThrow();
    await server.resume();
    await eventually(async () => expect(await valuesOf(topic)).toContain('given up'), { withinMs: 30_000 });
    const [receipt] = await producer.send({ topic, messages: [{ value: 'after' }] });
    expect(receipt?.errorCode).toBe(0);
    expect(await valuesOf(topic)).not.toContain('after');
    await producer.disconnect();
    await admin.disconnect();
  }, 120_000);
});
