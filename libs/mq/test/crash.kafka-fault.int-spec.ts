import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq, type MqProvider } from '@infra-kit/mq';
import { FaultProxy, freePort, launchKafka, uniqueName, type RunningServer } from '@infra-kit/testkit';
import { SilentLogger } from './fixtures/silent-logger.js';

const PATIENCE = { withinMs: 60_000 };

/** Kafka behind a proxy that is shut for longer than a session: the client gives its consumer up, and Kafka the member. */
describe.each(['kafkajs', 'platformatic'] as const)('a consumer on %s that crashed', (client) => {
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

  const open = (broker: string): Promise<MqProvider> =>
    createMq(
      {
        driver: 'kafka',
        client,
        brokers: [broker],
        consumer: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 500, restartBackoffMs: 100, drainMs: 100 },
      },
      { env: 'test', logger: new SilentLogger() },
    );

  it('joins its group anew by itself, and no message is lost', async () => {
    const mq = await open(`${proxy.host}:${proxy.port}`);
    const topic = uniqueName('crash');
    const handled: unknown[] = [];
    const options = { group: uniqueName('group') };
    const begun: unknown[] = [];
    const subscription = await mq.subscribe(
      topic,
      async ({ value }, { signal }) => {
        begun.push(value);
        const cutOff = value === 'cut off' && begun.length === 2;
        if (cutOff) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        else handled.push(value);
      },
      options,
    );
    await mq.send(topic, { value: 'before' });
    await eventually(() => expect(handled).toEqual(['before']), PATIENCE);
    await subscription.commit(); // what is not committed comes again after a crash
    await mq.send(topic, { value: 'cut off' });
    await eventually(() => expect(begun).toEqual(['before', 'cut off']), PATIENCE);
    await proxy.refuse();
    proxy.reset();
    await eventually(() => expect(subscription.stats().state).toBe('restarting'), PATIENCE);
    expect(subscription.stats().lastError).toEqual(expect.any(String));
    expect((await mq.health()).status).toBe('down');
    await proxy.restore();
    await eventually(() => mq.send(topic, { value: 'after' }), PATIENCE);
    await eventually(() => expect(handled).toEqual(['before', 'cut off', 'after']), PATIENCE);
    expect(subscription.stats()).toMatchObject({ state: 'running', restarts: 1 });
    await mq.close();
  }, 180_000);
});
