import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin } from '@platformatic/kafka';
import { FaultProxy, freePort, launchKafka, type RunningServer, uniqueName, until } from '@infra-kit/testkit';
import { IMPATIENCE_MS, type KafkaClient, kafkajsClient, platformaticClient } from './kafka-clients.js';

const START_MS = 120_000;
const RECOVERY = { deadlineMs: 20_000, everyMs: 50 };

// one server for both clients: a start takes seconds
let server: RunningServer;
let proxy: FaultProxy;
beforeAll(async () => {
  const advertisedPort = await freePort();
  server = await launchKafka({ advertisedPort });
  proxy = await FaultProxy.start(server, { port: advertisedPort });
}, START_MS);
afterAll(async () => {
  await proxy.close();
  await server.stop();
});

describe.each([
  ['kafkajs', kafkajsClient],
  ['@platformatic/kafka', platformaticClient],
])("a Kafka of one's own, seen by %s through the port it advertises", (_name, connect) => {
  let topic: string;
  let client: KafkaClient;

  beforeEach(async () => {
    topic = uniqueName('faults');
    const admin = new Admin({ clientId: 'testkit', bootstrapBrokers: [`${proxy.host}:${proxy.port}`] });
    await until(
      'the topic is made',
      () => admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 }),
      RECOVERY,
    );
    await admin.close();
    client = await until(
      'the client connects',
      () => connect(`${proxy.host}:${proxy.port}`, topic),
      RECOVERY,
    );
    await arrives('first');
  });
  afterEach(async () => {
    await proxy.restore();
    await client.close();
  });

  /** Sends until it is acknowledged: a send that was given up may have arrived, too. */
  const arrives = (value: string): Promise<unknown> =>
    until(`${value} is acknowledged`, () => client.send(value).then(() => true), RECOVERY);

  it('sends clients where it was told to: all they say goes through the proxy', async () => {
    // a client that was sent to the server's own port would not be hurt by this
    const before = proxy.counts.bytesUp;
    await arrives('x'.repeat(10_000));
    expect(proxy.counts.bytesUp - before).toBeGreaterThan(10_000);
  });

  it('acknowledges nothing while it is paused, and goes on when it is resumed', async () => {
    await server.pause();
    await expect(client.send('given up')).rejects.toThrow();
    await server.resume();
    await arrives('resumed');
    await client.readAll(['first', 'resumed']);
  });

  it('keeps its messages and its port when it is killed and restarted', async () => {
    const { port } = server;
    await server.kill();
    await expect(client.send('to nobody')).rejects.toThrow();
    await server.restart();
    expect(server.port).toBe(port);
    await arrives('restarted');
    await client.readAll(['first', 'restarted']);
  });

  it('acknowledges too late when the latency of the proxy is longer than the patience', async () => {
    proxy.latency(IMPATIENCE_MS);
    await expect(client.send('late')).rejects.toThrow();
  });

  it('is silent in a blackhole of the proxy and back after it', async () => {
    proxy.blackhole();
    await expect(client.send('swallowed')).rejects.toThrow();
    await proxy.restore();
    await arrives('after');
    await client.readAll(['first', 'after']);
  });

  it('is back after a reset by the proxy', async () => {
    const { connections } = proxy.counts;
    proxy.reset();
    await arrives('after');
    expect(proxy.counts.connections).toBeGreaterThan(connections);
  });

  it('cannot be reached while the proxy refuses', async () => {
    await proxy.refuse();
    proxy.reset();
    await expect(client.send('to nobody')).rejects.toThrow();
    await proxy.restore();
    await arrives('after');
  });
});
