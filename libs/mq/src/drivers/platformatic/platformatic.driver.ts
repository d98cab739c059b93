import { Admin, type Producer } from '@platformatic/kafka';
import type { InfraErrorCode } from '@infra-kit/kernel';
import type { KafkaOptions } from '../kafka-options.js';
import type {
  ConsumerListener,
  DriverCall,
  JoinRequest,
  MqConsumer,
  MqDriver,
  NewRecord,
} from '../mq-driver.js';
import { PlatformaticAdmin } from './platformatic-admin.js';
import { PlatformaticConsumer } from './platformatic-consumer.js';
import { codeOf } from './platformatic.errors.js';
import { clientOptions } from './platformatic.options.js';
import { PlatformaticProducer } from './platformatic-producer.js';
import { Reachability } from './reachability.js';
import { repeating } from './repeating.js';

/** The client's own objects underneath. */
export interface PlatformaticClients {
  readonly admin: Admin;
  readonly producer: Producer<Buffer, Buffer, Buffer, Buffer>;
}

class PlatformaticDriver implements MqDriver {
  readonly kind = 'platformatic';
  readonly native: PlatformaticClients;
  readonly admin: PlatformaticAdmin;
  readonly #options: KafkaOptions;
  readonly #reachability = new Reachability();
  readonly #producer: PlatformaticProducer;
  readonly #consumers = new Set<PlatformaticConsumer>();
  #closing: Promise<void> | undefined;

  constructor(options: KafkaOptions) {
    this.#options = options;
    this.#producer = new PlatformaticProducer(options);
    const admin = new Admin(clientOptions(options, options.requestTimeoutMs));
    this.native = { admin, producer: this.#producer.client };
    this.admin = new PlatformaticAdmin(admin);
    for (const { connections } of [admin, this.#producer.client]) this.#reachability.watch(connections);
  }

  async connect(call: DriverCall): Promise<void> {
    await this.ping(call);
  }

  async ping({ signal }: DriverCall): Promise<void> {
    await repeating(signal, () => this.native.admin.metadata({ topics: [], forceUpdate: true }));
  }

  trouble(): unknown {
    return this.#reachability.trouble;
  }

  produce(topic: string, records: readonly NewRecord[], call: DriverCall): Promise<readonly bigint[]> {
    return this.#producer.produce(topic, records, call);
  }

  async join(request: JoinRequest, listener: ConsumerListener, call: DriverCall): Promise<MqConsumer> {
    const consumer = new PlatformaticConsumer({
      options: this.#options,
      admin: this.native.admin,
      reachability: this.#reachability,
      request,
      listener,
      closed: (each) => this.#consumers.delete(each),
    });
    this.#consumers.add(consumer);
    await consumer.start(call);
    return consumer;
  }

  describe(): Readonly<Record<string, unknown>> {
    return { brokers: this.#options.brokers };
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return codeOf(error);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#consumers].map((consumer) => consumer.close()));
    await Promise.allSettled([this.#producer.close(), this.native.admin.close()]);
  }
}

/** Messages over Kafka by @platformatic/kafka. */
export function platformaticDriver(options: KafkaOptions): MqDriver {
  return new PlatformaticDriver(options);
}
