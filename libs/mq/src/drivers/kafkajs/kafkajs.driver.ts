import { setTimeout as sleep } from 'node:timers/promises';
import { isInfraError, type InfraErrorCode } from '@infra-kit/kernel';
import type { Kafka } from 'kafkajs';
import { loadCodec } from '../../compression/load-codec.js';
import type { KafkaOptions } from '../kafka-options.js';
import type {
  ConsumerListener,
  DriverCall,
  JoinRequest,
  MqConsumer,
  MqDriver,
  NewRecord,
  PartitionOffset,
} from '../mq-driver.js';
import { KafkajsAdmin } from './kafkajs-admin.js';
import { consumerRetry, kafkaOf, Reachability, RETRY } from './kafkajs-client.js';
import { KafkajsConsumer } from './kafkajs-consumer.js';
import { codeOfKafkajs } from './kafkajs-errors.js';
import { KafkajsProducer } from './kafkajs-producer.js';

/** For a membership that reads nothing. */
const BRIEFLY = {
  sessionTimeoutMs: 10_000,
  heartbeatIntervalMs: 3000,
  rebalanceTimeoutMs: 10_000,
  maxBytes: 1024 * 1024,
  maxBytesPerPartition: 1024 * 1024,
  maxWaitMs: 100,
} as const;

class KafkajsDriver implements MqDriver {
  readonly kind = 'kafkajs';
  readonly native: Kafka;
  readonly admin: KafkajsAdmin;
  readonly #brokers: readonly string[];
  readonly #consumerClient: (sessionTimeoutMs: number) => Kafka;
  readonly #probeClient: Kafka;
  readonly #compression: KafkaOptions['producer']['compression'];
  readonly #reach = new Reachability();
  readonly #producer: KafkajsProducer;
  readonly #consumers = new Set<KafkajsConsumer>();

  constructor(options: KafkaOptions) {
    const { requestTimeoutMs: requestTimeout, producer, brokers } = options;
    this.#brokers = brokers;
    this.#compression = producer.compression;
    this.native = kafkaOf(options, this.#reach, { requestTimeout, retry: RETRY });
    this.#consumerClient = (sessionTimeoutMs) =>
      kafkaOf(options, this.#reach, { requestTimeout, retry: consumerRetry(sessionTimeoutMs) });
    const once = { requestTimeout: options.connectTimeoutMs, retry: { ...RETRY, retries: 0 } };
    this.#probeClient = kafkaOf(options, this.#reach, once);
    this.admin = new KafkajsAdmin(this.native, this.#reach, (group, offsets, call) =>
      this.#commitAsMember(group, offsets, call),
    );
    const sending = { requestTimeout: producer.timeoutMs, retry: RETRY };
    this.#producer = new KafkajsProducer(kafkaOf(options, this.#reach, sending), producer);
  }

  async connect({ signal }: DriverCall): Promise<void> {
    // a package that is missing fails the start, not the first send
    if (this.#compression !== 'none' && this.#compression !== 'gzip') await loadCodec(this.#compression);
    await this.#reachable(signal);
    await this.admin.ping();
  }

  async ping(): Promise<void> {
    await this.admin.ping();
  }

  trouble(): unknown {
    return this.#reach.trouble;
  }

  async produce(topic: string, records: readonly NewRecord[], call: DriverCall): Promise<readonly bigint[]> {
    const offsets = await this.#producer.send(topic, records, call);
    this.#reach.fine();
    return offsets;
  }

  async join(request: JoinRequest, listener: ConsumerListener, call: DriverCall): Promise<MqConsumer> {
    const client = this.#consumerClient(request.sessionTimeoutMs);
    const consumer = new KafkajsConsumer(client, request, listener, this.#reach);
    this.#consumers.add(consumer);
    await consumer.join(request.topics, call);
    return consumer;
  }

  describe(): Readonly<Record<string, unknown>> {
    return { brokers: this.#brokers };
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return isInfraError(error) ? error.code : codeOfKafkajs(error);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#consumers].map((consumer) => consumer.close()));
    await Promise.allSettled([this.#producer.close(), this.admin.close()]);
  }

  /** Tries one connection after another: the client's own repeats would go on after the caller has given up. */
  async #reachable(signal: AbortSignal): Promise<void> {
    for (;;) {
      const probe = this.#probeClient.admin();
      try {
        return await probe.connect();
      } catch (error) {
        if (signal.aborted || codeOfKafkajs(error) !== 'UNAVAILABLE') throw error;
      } finally {
        await probe.disconnect();
      }
      await sleep(RETRY.initialRetryTime, undefined, { signal });
    }
  }

  async #commitAsMember(group: string, offsets: readonly PartitionOffset[], call: DriverCall): Promise<void> {
    const topics = [...new Set(offsets.map(({ topic }) => topic))];
    const nothing: ConsumerListener = {
      assigned: async () => [],
      records: () => undefined,
      revoked: async () => undefined,
      polled: () => undefined,
      ended: () => undefined,
    };
    const member = await this.join({ ...BRIEFLY, group, topics }, nothing, call);
    try {
      await member.commit(offsets, call);
    } finally {
      await member.close();
    }
  }
}

/** Messages over Kafka by kafkajs. */
export function kafkajsDriver(options: KafkaOptions): MqDriver {
  return new KafkajsDriver(options);
}
