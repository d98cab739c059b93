import { InfraError, type Clock } from '@infra-kit/kernel';
import type { NewRecord, NewTopic, PartitionBounds, PartitionOffset } from '../mq-driver.js';
import { MemoryGroup } from './memory-group.js';
import { MemoryPartition } from './memory-partition.js';

export interface MemoryBrokerOptions {
  readonly clock: Clock;
  /** Records each partition keeps; the oldest go. Default 100,000. */
  readonly maxRecordsPerPartition?: number | undefined;
}

const RETENTION = 100_000;

interface MemoryTopic {
  readonly config: NewTopic['config'];
  readonly partitions: readonly MemoryPartition[];
}

/** The state that drivers on one memory share: topics of partitions, and groups. */
export class MemoryBroker {
  readonly clock: Clock;
  readonly #retention: number;
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #groups = new Map<string, MemoryGroup>();

  constructor({ clock, maxRecordsPerPartition = RETENTION }: MemoryBrokerOptions) {
    this.clock = clock;
    this.#retention = maxRecordsPerPartition;
  }

  createTopic({ name, partitions, config }: NewTopic): void {
    if (this.#topics.has(name)) throw new InfraError('ALREADY_EXISTS', `the topic ${name} exists already`);
    const made = Array.from({ length: partitions }, () => new MemoryPartition(this.#retention));
    this.#topics.set(name, { config, partitions: made });
  }

  deleteTopic(name: string): void {
    this.#topic(name);
    this.#topics.delete(name);
    for (const group of this.#groups.values()) group.forget(name);
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()];
  }

  partitionCount(topic: string): number {
    return this.#topic(topic).partitions.length;
  }

  partition(topic: string, partition: number): MemoryPartition {
    const found = this.#topic(topic).partitions[partition];
    if (found === undefined)
      throw new InfraError('NOT_FOUND', `the topic ${topic} has no partition ${partition}`);
    return found;
  }

  append(topic: string, records: readonly NewRecord[]): bigint[] {
    const targets = records.map(({ partition }) => this.partition(topic, partition));
    return records.map((record, index) => {
      const target = targets[index] ?? this.partition(topic, record.partition);
      return target.append(record, this.clock.now());
    });
  }

  bounds(topic: string): PartitionBounds[] {
    return this.#topic(topic).partitions.map(({ low, high }, partition) => ({ partition, low, high }));
  }

  offsetsAt(topic: string, timestamp: number): PartitionOffset[] {
    return this.#topic(topic).partitions.map((each, partition) => ({
      topic,
      partition,
      offset: each.offsetAt(timestamp),
    }));
  }

  group(id: string): MemoryGroup {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = new MemoryGroup((topic) => this.#topics.get(topic)?.partitions.length ?? 0);
      this.#groups.set(id, group);
    }
    return group;
  }

  #topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new InfraError('NOT_FOUND', `there is no topic ${name}`);
    return topic;
  }
}
