import kafkajs, { CompressionTypes, type Kafka, type Producer } from 'kafkajs';
import type { DriverCall, NewRecord, RawHeaders } from '../mq-driver.js';
import type { KafkaOptions } from '../kafka-options.js';

const { KafkaJSNonRetriableError } = kafkajs; // Node finds only some names in this CommonJS package

const ACKS = { all: -1, leader: 1, none: 0 } as const;
const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

const LONGEST_WAIT_MS = 1000;

type Settings = KafkaOptions['producer'];

/** kafkajs types lists of one header as mutable. */
const headersOf = (headers: RawHeaders): Record<string, Buffer | Buffer[]> =>
  headers as Record<string, Buffer | Buffer[]>;

/**
 * One producer of kafkajs, for as long as its sends succeed. Its sequence numbers, by which the broker knows repeats,
 * go back when a send fails for the client although the broker may have written it: the next message under the same
 * number would pass for a repeat, be acknowledged, and be lost. So after a failure there is a new producer.
 */
class ProducerLife {
  readonly producer: Producer;
  readonly connected: Promise<void>;
  #retired = false;

  constructor(kafka: Kafka, { idempotent, timeoutMs }: Settings) {
    this.producer = kafka.producer({
      idempotent,
      allowAutoTopicCreation: false,
      retry: {
        initialRetryTime: 100,
        maxRetryTime: LONGEST_WAIT_MS,
        retries: Math.ceil(timeoutMs / LONGEST_WAIT_MS) + 4,
      },
      // asked before every try: so a send that was given up ends at its next one
      createPartitioner:
        () =>
        ({ message: { partition } }) => {
          if (this.#retired || partition === undefined)
            throw new KafkaJSNonRetriableError('the send was given up');
          return partition;
        },
    });
    this.connected = this.producer.connect();
    this.connected.catch(() => undefined); // told to whoever sends
  }

  async retire(): Promise<void> {
    this.#retired = true;
    await this.connected.catch(() => undefined);
    await this.producer.disconnect();
  }
}

export class KafkajsProducer {
  readonly #kafka: Kafka;
  readonly #settings: Settings;
  #life: ProducerLife | undefined;

  constructor(kafka: Kafka, settings: Settings) {
    this.#kafka = kafka;
    this.#settings = settings;
  }

  async send(topic: string, records: readonly NewRecord[], { signal }: DriverCall): Promise<bigint[]> {
    const life = (this.#life ??= new ProducerLife(this.#kafka, this.#settings));
    const giveUp = (): void => this.#retire(life);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await life.connected;
      const { acks, compression, timeoutMs } = this.#settings;
      const answered = await life.producer.send({
        topic,
        acks: ACKS[acks],
        timeout: timeoutMs,
        compression: COMPRESSION[compression],
        messages: records.map(({ key, value, headers, partition, timestamp }) => ({
          key,
          value,
          partition,
          headers: headersOf(headers),
          ...(timestamp !== undefined && { timestamp: String(timestamp) }),
        })),
      });
      const next = new Map(
        answered.map(({ partition, baseOffset }) => [partition, BigInt(baseOffset ?? -1)]),
      );
      return records.map(({ partition }) => {
        const offset = next.get(partition) ?? -1n;
        if (offset >= 0n) next.set(partition, offset + 1n);
        return offset;
      });
    } catch (error) {
      this.#retire(life);
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  async close(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await life?.retire();
  }

  #retire(life: ProducerLife): void {
    if (this.#life === life) this.#life = undefined;
    void life.retire().catch(() => undefined); // what it cannot close any more, it does not need
  }
}
