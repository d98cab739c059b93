import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isInfraError } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq, type MqDriver, type MqOptions, type MqProvider } from '@infra-kit/mq';
import type { KafkaOptions } from '@infra-kit/mq/kafkajs';
import { launchKafka, uniqueName, type RunningServer } from '@infra-kit/testkit';
import { kafkaOptions } from './fixtures/kafka-options.js';
import { SilentLogger } from './fixtures/silent-logger.js';

const PATIENCE = { withinMs: 60_000 };

export interface FaultTarget {
  readonly name: string;
  readonly driver: (options: KafkaOptions) => MqDriver;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What every driver must hold while Kafka is stopped, killed and started again. */
export function describeFaults({ name, driver: make }: FaultTarget): void {
  describe(`${name}, with a Kafka that fails`, () => {
    let server: RunningServer;
    beforeAll(async () => {
      server = await launchKafka();
    }, 120_000);
    afterAll(() => server.stop());

    async function open(
      kafka: Partial<KafkaOptions> = {},
      options: MqOptions = {},
    ): Promise<MqProvider & { end(): Promise<void> }> {
      const driver = make(kafkaOptions([server.url], kafka));
      const mq = await createMq({ driver, ...options }, { env: 'test', logger: new SilentLogger() });
      const end = async (): Promise<void> => {
        await mq.close();
        await driver.close();
      };
      return Object.assign(mq, { end });
    }

    async function readAll(topic: string): Promise<Set<unknown>> {
      const mq = await open();
      const seen = new Set<unknown>();
      const group = uniqueName('readers');
      await mq.subscribe(topic, async ({ value }) => void seen.add(value), { group, fromBeginning: true });
      await mq.testing.drained(group, { timeoutMs: 30_000 });
      await mq.end();
      return seen;
    }

    it('paused: a send ends DEADLINE_EXCEEDED within its time, and the next one after it works', async () => {
      const mq = await open();
      const topic = uniqueName('paused');
      await mq.send(topic, { value: 'before' });
      await server.pause();
      try {
        const started = performance.now();
        await expect(mq.send(topic, { value: 'lost?' }, { timeoutMs: 1000 })).rejects.toMatchObject({
          code: 'DEADLINE_EXCEEDED',
        });
        expect(performance.now() - started).toBeLessThan(10_000);
        expect((await mq.health()).status).toBe('down');
      } finally {
        await server.resume();
      }
      await eventually(() => mq.send(topic, { value: 'after' }, { timeoutMs: 5000 }), PATIENCE);
      expect([...(await readAll(topic))]).toEqual(expect.arrayContaining(['before', 'after']));
      await mq.end();
    }, 120_000);

    it('killed: a send ends UNAVAILABLE within its time, health is down, and all goes on after the restart', async () => {
      const mq = await open();
      const topic = uniqueName('killed');
      const seen: unknown[] = [];
      const group = uniqueName('group');
      const subscription = await mq.subscribe(topic, async ({ value }) => void seen.push(value), { group });
      await mq.send(topic, { value: 'before' });
      await eventually(() => expect(seen).toEqual(['before']), PATIENCE);
      await server.kill();
      const started = performance.now();
      await expect(mq.send(topic, { value: 'no' }, { timeoutMs: 1500 })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      expect(performance.now() - started).toBeLessThan(10_000);
      await eventually(async () => expect((await mq.health()).status).toBe('down'), { withinMs: 10_000 });
      await server.restart();
      await eventually(() => mq.send(topic, { value: 'after' }, { timeoutMs: 5000 }), PATIENCE);
      await eventually(() => expect(seen).toContain('after'), PATIENCE);
      await eventually(async () => expect((await mq.health()).status).toBe('up'), PATIENCE);
      expect(subscription.stats().state).toBe('running');
      await mq.end();
    }, 180_000);

    it('paused and restarted under load: no acknowledged message is lost, to the log or to the group', async () => {
      const mq = await open();
      const topic = uniqueName('load');
      await mq.admin.createTopic(topic, { partitions: 3 });
      const handled = new Set<unknown>();
      const group = uniqueName('group');
      await mq.subscribe(topic, async ({ value }) => void handled.add(value), { group, concurrency: 8 });
      const acknowledged: number[] = [];
      let failed = 0;
      let next = 0;
      let stop = false;
      const sender = async (): Promise<void> => {
        while (!stop) {
          const value = next++;
          await mq
            .send(topic, { key: `k${value % 17}`, value }, { timeoutMs: 2000 })
            .then(() => acknowledged.push(value))
            .catch((error: unknown) => {
              failed++;
              expect(isInfraError(error)).toBe(true);
            });
          await pause(2);
        }
      };
      const senders = Array.from({ length: 8 }, sender);
      const progress = async (): Promise<void> => {
        const before = acknowledged.length;
        await eventually(() => expect(acknowledged.length).toBeGreaterThan(before + 100), PATIENCE);
      };
      await progress();
      await server.pause();
      const given = failed;
      await eventually(() => expect(failed).toBeGreaterThanOrEqual(given + 8), PATIENCE); // each sender has given up
      await server.resume();
      await progress();
      await server.kill();
      await server.restart();
      await progress();
      stop = true;
      await Promise.all(senders);
      const lost = (from: ReadonlySet<unknown>): number[] => acknowledged.filter((value) => !from.has(value));
      expect(lost(await readAll(topic))).toEqual([]);
      await eventually(() => expect(lost(handled)).toEqual([]), PATIENCE);
      await mq.end();
    }, 240_000);

    it('control: without acknowledgements, messages that counted as sent are lost', async () => {
      const producer = { acks: 'none', idempotent: false, compression: 'none', timeoutMs: 4000 } as const;
      const mq = await open({ producer });
      const topic = uniqueName('control');
      await mq.send(topic, { value: 'warm' });
      await server.pause();
      const values = Array.from({ length: 20 }, (_, index) => index);
      const sent = await Promise.allSettled(
        values.map((value) => mq.send(topic, { value }, { timeoutMs: 1000 })),
      );
      await server.kill();
      await server.restart();
      const counted = values.filter((value) => sent[value]?.status === 'fulfilled');
      const found = await eventually(() => readAll(topic), PATIENCE);
      expect(counted.filter((value) => !found.has(value)).length).toBeGreaterThan(0);
      await mq.end();
    }, 180_000);
  });
}
