import { setTimeout as sleep } from 'node:timers/promises';
import { InfraError } from '@infra-kit/kernel';
import { ListOffsetTimestamps, type Admin, type ListedOffsetsTopic } from '@platformatic/kafka';
import type { DriverCall, MqDriverAdmin, NewTopic, PartitionBounds, PartitionOffset } from '../mq-driver.js';
import { codeOf, needsRejoin } from './platformatic.errors.js';
import { repeating } from './repeating.js';

const LOOK_AGAIN_MS = 20;

const byPartition = (a: { readonly partition: number }, b: { readonly partition: number }): number =>
  a.partition - b.partition;

/** The admin calls of the driver, over the client's own. */
export class PlatformaticAdmin implements MqDriverAdmin {
  readonly #client: Admin;

  constructor(client: Admin) {
    this.#client = client;
  }

  async createTopic({ name, partitions, replication, config }: NewTopic, call: DriverCall): Promise<void> {
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    await repeating(call.signal, () =>
      this.#client.createTopics({ topics: [name], partitions, replicas: replication, configs }),
    );
    await this.#appendable(name, partitions, call);
  }

  async deleteTopic(name: string, { signal }: DriverCall): Promise<void> {
    await repeating(signal, () => this.#client.deleteTopics({ topics: [name] }));
  }

  topics({ signal }: DriverCall): Promise<readonly string[]> {
    return repeating(signal, () => this.#client.listTopics());
  }

  async partitionCount(topic: string, { signal }: DriverCall): Promise<number> {
    const { topics } = await repeating(signal, () =>
      this.#client.metadata({ topics: [topic], forceUpdate: true }),
    );
    return topics.get(topic)?.partitionsCount ?? 0;
  }

  async bounds(topic: string, call: DriverCall): Promise<readonly PartitionBounds[]> {
    const count = await this.partitionCount(topic, call);
    const [low, high] = await Promise.all([
      this.#offsets(topic, { count, timestamp: ListOffsetTimestamps.EARLIEST }, call),
      this.#offsets(topic, { count, timestamp: ListOffsetTimestamps.LATEST }, call),
    ]);
    return [...high]
      .map(([partition, end]) => ({ partition, low: low.get(partition) ?? 0n, high: end }))
      .toSorted(byPartition);
  }

  async offsetsAt(topic: string, timestamp: number, call: DriverCall): Promise<readonly PartitionOffset[]> {
    const count = await this.partitionCount(topic, call);
    const [found, high] = await Promise.all([
      this.#offsets(topic, { count, timestamp: BigInt(Math.trunc(timestamp)) }, call),
      this.#offsets(topic, { count, timestamp: ListOffsetTimestamps.LATEST }, call),
    ]);
    return [...high]
      .map(([partition, end]) => {
        const at = found.get(partition) ?? -1n;
        return { topic, partition, offset: at < 0n ? end : at };
      })
      .toSorted(byPartition);
  }

  async committed(group: string, { signal }: DriverCall): Promise<readonly PartitionOffset[]> {
    const groups = await repeating(signal, () => this.#client.listConsumerGroupOffsets({ groups: [group] }));
    return groups
      .flatMap(({ topics }) => topics)
      .flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, committedOffset }) => ({
          topic: name,
          partition: partitionIndex,
          offset: committedOffset,
        })),
      )
      .filter(({ offset }) => offset >= 0n);
  }

  async setCommitted(
    group: string,
    offsets: readonly PartitionOffset[],
    { signal }: DriverCall,
  ): Promise<void> {
    if (offsets.length === 0) return;
    const topics = Map.groupBy(offsets, ({ topic }) => topic);
    const change = {
      groupId: group,
      topics: [...topics].map(([name, places]) => ({
        name,
        partitionOffsets: places.map(({ partition, offset }) => ({ partition, offset })),
      })),
    };
    try {
      await repeating(signal, () => this.#client.alterConsumerGroupOffsets(change));
    } catch (error) {
      if (!needsRejoin(error)) throw error;
      // the group takes commits from nobody but its members
      throw new InfraError('FAILED_PRECONDITION', `the group ${group} has members; close them first`, {
        cause: error,
      });
    }
  }

  async #offsets(
    topic: string,
    { count, timestamp }: { readonly count: number; readonly timestamp: bigint },
    { signal }: DriverCall,
  ): Promise<Map<number, bigint>> {
    const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }));
    const listed = await repeating(signal, (): Promise<ListedOffsetsTopic[]> =>
      this.#client.listOffsets({ topics: [{ name: topic, partitions }] }),
    );
    return new Map(
      listed.flatMap((each) => each.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset])),
    );
  }

  /** Brokers learn of a topic some milliseconds after it was made: until all its partitions have a leader that answers. */
  async #appendable(topic: string, partitions: number, call: DriverCall): Promise<void> {
    for (;;) {
      try {
        if ((await this.bounds(topic, call)).length >= partitions) return;
      } catch (error) {
        if (codeOf(error) !== 'NOT_FOUND') throw error;
      }
      await sleep(LOOK_AGAIN_MS, undefined, { signal: call.signal });
    }
  }
}
