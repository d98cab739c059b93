import { isInfraError, type InfraErrorCode } from '@infra-kit/kernel';
import type {
  ConsumerListener,
  JoinRequest,
  MqConsumer,
  MqDriver,
  MqDriverAdmin,
  NewRecord,
} from '../mq-driver.js';
import type { MemoryBroker } from './memory-broker.js';
import { MemoryConsumer } from './memory-consumer.js';

function adminOf(broker: MemoryBroker): MqDriverAdmin {
  return {
    createTopic: async (topic) => broker.createTopic(topic),
    deleteTopic: async (name) => broker.deleteTopic(name),
    topics: async () => broker.topics,
    partitionCount: async (topic) => broker.partitionCount(topic),
    bounds: async (topic) => broker.bounds(topic),
    offsetsAt: async (topic, timestamp) => broker.offsetsAt(topic, timestamp),
    committed: async (group) => broker.group(group).committed,
    setCommitted: async (group, offsets) => broker.group(group).set(offsets),
  };
}

/** Messages in this process: partitions, keys, groups, offsets, rebalances. Drivers on one broker see each other. */
export class MemoryMqDriver implements MqDriver {
  readonly kind = 'memory';
  readonly native: MemoryBroker;
  readonly admin: MqDriverAdmin;
  readonly #consumers = new Set<MqConsumer>();

  constructor(broker: MemoryBroker) {
    this.native = broker;
    this.admin = adminOf(broker);
  }

  async connect(): Promise<void> {
    // there is nothing to reach
  }

  async ping(): Promise<void> {
    // it is here
  }

  trouble(): undefined {
    return undefined;
  }

  async produce(topic: string, records: readonly NewRecord[]): Promise<readonly bigint[]> {
    return this.native.append(topic, records);
  }

  async join(request: JoinRequest, listener: ConsumerListener): Promise<MqConsumer> {
    const consumer = new MemoryConsumer(crypto.randomUUID(), this.native, request, listener);
    this.#consumers.add(consumer);
    await this.native.group(request.group).join(consumer);
    return consumer;
  }

  describe(): Readonly<Record<string, unknown>> {
    return { topics: this.native.topics.length };
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return isInfraError(error) ? error.code : undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
  }
}
