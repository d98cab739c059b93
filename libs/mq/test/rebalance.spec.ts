import { afterEach, describe, expect, it } from '@jest/globals';
import { SystemClock } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import {
  createMq,
  type ConsumerListener,
  type JoinRequest,
  type MqConsumer,
  type MqProvider,
} from '@infra-kit/mq';
import { MemoryBroker, MemoryMqDriver } from '@infra-kit/mq/testing';
import { SilentLogger } from './fixtures/silent-logger.js';

/** Joins a rebalance without waiting for handlers, as kafkajs does by itself. */
class HastyDriver extends MemoryMqDriver {
  override join(request: JoinRequest, listener: ConsumerListener): Promise<MqConsumer> {
    const hasty: ConsumerListener = {
      assigned: (partitions) => listener.assigned(partitions),
      records: (batch) => listener.records(batch),
      polled: () => listener.polled(),
      ended: (error) => listener.ended(error),
      revoked: async () => {
        void listener.revoked();
      },
    };
    return super.join(request, hasty);
  }
}

const open: MqProvider[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((mq) => mq.close()));
});

/** Handles messages of two partitions while a second member joins in the middle of the first of each; the runs, in their order. */
async function runsDuringRebalance(Driver: typeof MemoryMqDriver): Promise<string[]> {
  const broker = new MemoryBroker({ clock: new SystemClock() });
  const member = async (): Promise<MqProvider> => {
    const mq = await createMq({ driver: new Driver(broker) }, { env: 'test', logger: new SilentLogger() });
    open.push(mq);
    return mq;
  };
  const runs: string[] = [];
  const door = Promise.withResolvers<void>();
  const handler = async ({ value }: { readonly value: number }): Promise<void> => {
    runs.push(`begin ${value}`);
    if (value < 2) await door.promise;
    runs.push(`end ${value}`);
  };
  const options = { group: 'g', concurrency: 4 };
  const [one, two] = [await member(), await member()];
  await one.admin.createTopic('t', { partitions: 2 });
  await one.subscribe<number>('t', handler, options);
  for (let value = 0; value < 10; value++)
    await one.send('t', { key: `k${value % 2}`, value, partition: value % 2 });
  await eventually(() => expect(runs.toSorted()).toEqual(['begin 0', 'begin 1']));
  const joining = two.subscribe<number>('t', handler, options);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = [...runs];
  door.resolve();
  await joining;
  if (before.length > 2) return before; // two members run one message
  await one.testing.drained('g');
  await two.testing.drained('g');
  return runs;
}

const ofPartition = (runs: readonly string[], partition: number): string[] =>
  runs.filter((run) => Number(run.split(' ')[1]) % 2 === partition);
const inOrder = (partition: number): string[] =>
  [0, 2, 4, 6, 8].flatMap((value) => [`begin ${value + partition}`, `end ${value + partition}`]);

describe('a rebalance in the middle of a handler', () => {
  it('waits for it: each message runs once, in the order of its key', async () => {
    const runs = await runsDuringRebalance(MemoryMqDriver);
    expect([ofPartition(runs, 0), ofPartition(runs, 1)]).toEqual([inOrder(0), inOrder(1)]);
  });

  it('control: a driver that does not wait has a message run by two members at once', async () => {
    const runs = await runsDuringRebalance(HastyDriver);
    const begun = runs.filter((run) => run === 'begin 0' || run === 'begin 1');
    expect(begun.length).toBeGreaterThan(2);
  });
});
