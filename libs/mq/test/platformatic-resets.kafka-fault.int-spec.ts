import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq, type MqProvider } from '@infra-kit/mq';
import { FaultProxy, freePort, launchKafka, uniqueName, type RunningServer } from '@infra-kit/testkit';
import { SilentLogger } from './fixtures/silent-logger.js';

const PATIENCE = { withinMs: 60_000 };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('platformatic, through a proxy that resets connections', () => {
  let server: RunningServer;
  let proxy: FaultProxy;
  beforeAll(async () => {
    const advertisedPort = await freePort();
    server = await launchKafka({ advertisedPort });
    proxy = await FaultProxy.start(server, { port: advertisedPort });
  }, 120_000);
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  const open = (idempotent: boolean): Promise<MqProvider> =>
    createMq(
      {
        driver: 'kafka',
        client: 'platformatic',
        brokers: [`${proxy.host}:${proxy.port}`],
        producer: { idempotent },
      },
      { env: 'test', logger: new SilentLogger() },
    );

  /** All of a topic, in the order it was handled. */
  async function readAll(mq: MqProvider, topic: string): Promise<unknown[]> {
    const seen: unknown[] = [];
    const group = uniqueName('readers');
    await mq.subscribe(topic, async ({ value }) => void seen.push(value), { group, fromBeginning: true });
    await mq.testing.drained(group, { timeoutMs: 30_000 });
    return seen;
  }

  it('sends go on, each message once and in order, and so does the consumer', async () => {
    const mq = await open(true);
    const topic = uniqueName('resets');
    const handled: unknown[] = [];
    await mq.admin.createTopic(topic, { partitions: 1 });
    await mq.subscribe(topic, async ({ value }) => void handled.push(value), { group: uniqueName('group') });
    for (const value of numbers(200)) {
      const sent = mq.send(topic, { key: 'one', value });
      if (value % 20 === 10) proxy.reset();
      await sent;
    }
    await eventually(() => expect(new Set(handled)).toEqual(new Set(numbers(200))), PATIENCE);
    expect(await readAll(mq, topic)).toEqual(numbers(200));
    await mq.close();
  }, 120_000);

  /** A message whose acknowledgement is lost on its way back: the broker has it, the client sends it again. */
  async function acknowledgementLost(idempotent: boolean): Promise<unknown[]> {
    proxy.reset(); // late answers to consumers that are gone would look like this one
    await eventually(() => expect(proxy.counts.open).toBe(0), PATIENCE);
    const mq = await open(idempotent);
    const topic = uniqueName('unacknowledged');
    await mq.send(topic, { value: 'warm' });
    proxy.latency(500);
    const { bytesDown } = proxy.counts;
    const sent = mq.send(topic, { value: 'once' });
    await eventually(() => expect(proxy.counts.bytesDown).toBeGreaterThan(bytesDown), PATIENCE);
    proxy.reset();
    await proxy.restore();
    await sent;
    await mq.send(topic, { value: 'next' });
    const all = await readAll(mq, topic);
    await mq.close();
    return all;
  }

  it('a message whose acknowledgement was lost is there once, and nothing behind it is taken for its repeat', async () => {
    expect(await acknowledgementLost(true)).toEqual(['warm', 'once', 'next']);
  }, 120_000);

  it('control: without idempotence it is there twice', async () => {
    expect(await acknowledgementLost(false)).toEqual(['warm', 'once', 'once', 'next']);
  }, 120_000);
});
