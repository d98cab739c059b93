import { setTimeout as sleep } from 'node:timers/promises';
import { InfraError } from '@infra-kit/kernel';
import type { Admin, Kafka } from 'kafkajs';
import type { DriverCall, MqDriverAdmin, NewTopic, PartitionBounds, PartitionOffset } from '../mq-driver.js';
import type { Reachability } from './kafkajs-client.js';
import { codeOfKafkajs } from './kafkajs-errors.js';

const LOOK_MS = 20;

/** Of several errors kafkajs says only that there were some. */
function firstOf(error: unknown): unknown {
  const { errors } = Object(error) as { readonly errors?: unknown };
  return Array.isArray(errors) && errors.length > 0 ? errors[0] : error;
}

/** Sets a group's offsets as its only member: kafkajs' own way waits for a fetch. */
export type CommitAsMember = (
  group: string,
  offsets: readonly PartitionOffset[],
  call: DriverCall,
) => Promise<void>;

export class KafkajsAdmin implements MqDriverAdmin {
  readonly #kafka: Kafka;
  readonly #reach: Reachability;
  readonly #commitAsMember: CommitAsMember;
  #admin: Promise<Admin> | undefined;

  constructor(kafka: Kafka, reach: Reachability, commitAsMember: CommitAsMember) {
    this.#kafka = kafka;
    this.#reach = reach;
    this.#commitAsMember = commitAsMember;
  }

  async ping(): Promise<void> {
    await this.#use((admin) => admin.describeCluster());
  }

  async createTopic({ name, partitions, replication, config }: NewTopic, call: DriverCall): Promise<void> {
    const topic = {
      topic: name,
      numPartitions: partitions,
      replicationFactor: replication,
      configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
    };
    const made = await this.#use((admin) =>
      admin.createTopics({ topics: [topic], waitForLeaders: false }).catch((error: unknown) => {
        throw firstOf(error);
      }),
    );
    if (!made) throw new InfraError('ALREADY_EXISTS', `the topic ${name} exists already`);
    await this.#untilThere(name, call);
  }

  /** A new topic is not known to every broker at once; kafkajs' own wait gives up then. */
  async #untilThere(topic: string, { signal }: DriverCall): Promise<void> {
    for (;;) {
      try {
        if ((await this.bounds(topic)).length > 0) return;
      } catch (error) {
        const code = codeOfKafkajs(error);
        if (signal.aborted || (code !== 'NOT_FOUND' && code !== 'UNAVAILABLE')) throw error;
      }
      await sleep(LOOK_MS);
    }
  }

  /** kafkajs tries again for long when there is no such topic: so it is looked for first. */
  async deleteTopic(name: string): Promise<void> {
    await this.partitionCount(name);
    await this.#use((admin) => admin.deleteTopics({ topics: [name] }));
  }

  async topics(): Promise<readonly string[]> {
    const names = await this.#use((admin) => admin.listTopics());
    return names.filter((name) => !name.startsWith('__'));
  }

  async partitionCount(topic: string): Promise<number> {
    const { topics } = await this.#use((admin) => admin.fetchTopicMetadata({ topics: [topic] }));
    return topics[0]?.partitions.length ?? 0;
  }

  async bounds(topic: string): Promise<readonly PartitionBounds[]> {
    const offsets = await this.#of(topic, (admin) => admin.fetchTopicOffsets(topic));
    return offsets
      .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
      .toSorted((a, b) => a.partition - b.partition);
  }

  async offsetsAt(topic: string, timestamp: number): Promise<readonly PartitionOffset[]> {
    const offsets = await this.#of(topic, (admin) => admin.fetchTopicOffsetsByTimestamp(topic, timestamp));
    return offsets.map(({ partition, offset }) => ({ topic, partition, offset: BigInt(offset) }));
  }

  async committed(group: string): Promise<readonly PartitionOffset[]> {
    const topics = await this.#use((admin) => admin.fetchOffsets({ groupId: group }));
    return topics.flatMap(({ topic, partitions }) =>
      partitions
        .map(({ partition, offset }) => ({ topic, partition, offset: BigInt(offset) }))
        .filter(({ offset }) => offset >= 0n),
    );
  }

  async setCommitted(group: string, offsets: readonly PartitionOffset[], call: DriverCall): Promise<void> {
    const { groups } = await this.#use((admin) => admin.describeGroups([group]));
    const state = groups[0]?.state ?? 'Dead';
    if (state !== 'Empty' && state !== 'Dead')
      throw new InfraError('FAILED_PRECONDITION', `the group ${group} has members; close them first`);
    await this.#commitAsMember(group, offsets, call);
  }

  async close(): Promise<void> {
    const admin = await this.#admin?.catch(() => undefined);
    this.#admin = undefined;
    await admin?.disconnect();
  }

  /** kafkajs tries for long to learn about a topic that is not there: so it is asked for first. */
  async #of<T>(topic: string, call: (admin: Admin) => Promise<T>): Promise<T> {
    await this.partitionCount(topic);
    return this.#use(call);
  }

  /** One client for all, a new one when it has lost its servers. */
  async #use<T>(call: (admin: Admin) => Promise<T>): Promise<T> {
    const opening = (this.#admin ??= this.#open());
    try {
      const answer = await call(await opening);
      this.#reach.fine();
      return answer;
    } catch (error) {
      const code = codeOfKafkajs(error);
      if (code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') this.#discard(opening);
      else if (code !== undefined) this.#reach.fine();
      throw error;
    }
  }

  async #open(): Promise<Admin> {
    const admin = this.#kafka.admin();
    await admin.connect();
    return admin;
  }

  #discard(opening: Promise<Admin>): void {
    if (this.#admin === opening) this.#admin = undefined;
    void opening.then((admin) => admin.disconnect()).catch(() => undefined);
  }
}
