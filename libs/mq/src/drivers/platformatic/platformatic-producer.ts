import { Producer, ProduceAcks, type MessageToProduce, type ProduceResult } from '@platformatic/kafka';
import type { KafkaOptions } from '../kafka-options.js';
import type { DriverCall, NewRecord, RawHeaders } from '../mq-driver.js';
import { telling } from './platformatic.errors.js';
import { clientOptions } from './platformatic.options.js';

const RETRY_MS = 250;
const ACKS = { all: ProduceAcks.ALL, leader: ProduceAcks.LEADER, none: ProduceAcks.NO_RESPONSE } as const;

type Message = MessageToProduce<Buffer, Buffer, Buffer, Buffer>;

/** Names as bytes: a Map of texts could not hold a name twice. */
function headersOf(headers: RawHeaders): Map<Buffer, Buffer> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    (Buffer.isBuffer(value) ? [value] : value).map((each): [Buffer, Buffer] => [Buffer.from(name), each]),
  );
  return new Map(entries);
}

function messageOf(topic: string, { partition, key, value, headers, timestamp }: NewRecord): Message {
  return {
    topic,
    partition,
    headers: headersOf(headers),
    ...(key === null ? {} : { key }),
    ...(value === null ? {} : { value }),
    ...(timestamp === undefined ? {} : { timestamp: BigInt(Math.trunc(timestamp)) }),
  };
}

/** Each partition's records went as one batch: the first has the offset that was answered. */
function offsetsOf(records: readonly NewRecord[], { offsets = [] }: ProduceResult): bigint[] {
  const next = new Map(offsets.map(({ partition, offset }) => [partition, offset]));
  return records.map(({ partition }) => {
    const offset = next.get(partition) ?? -1n;
    if (offset >= 0n) next.set(partition, offset + 1n);
    return offset;
  });
}

/**
 * Appends. The client repeats a request under the same sequence numbers, so that nothing is written twice; when it gives
 * up, it goes on as a new producer, so that no later request looks like a repeat of that one. Requests for one topic wait
 * for each other also after their callers have gone: one that is still repeated must not overtake its successor.
 */
export class PlatformaticProducer {
  readonly client: Producer<Buffer, Buffer, Buffer, Buffer>;
  readonly #options: KafkaOptions['producer'];
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(options: KafkaOptions) {
    const { idempotent, timeoutMs } = options.producer;
    this.#options = options.producer;
    this.client = new Producer({
      ...clientOptions(options, timeoutMs),
      timeout: timeoutMs,
      retries: Math.max(2, Math.ceil(timeoutMs / RETRY_MS)),
      retryDelay: RETRY_MS,
      idempotent,
    });
  }

  async produce(
    topic: string,
    records: readonly NewRecord[],
    { signal }: DriverCall,
  ): Promise<readonly bigint[]> {
    const before = this.#last.get(topic);
    const mine = Promise.withResolvers<void>();
    this.#last.set(topic, mine.promise);
    try {
      await before;
      signal.throwIfAborted();
      return await this.#send(topic, records);
    } finally {
      mine.resolve();
      if (this.#last.get(topic) === mine.promise) this.#last.delete(topic);
    }
  }

  close(): Promise<void> {
    return this.client.close(true);
  }

  async #send(topic: string, records: readonly NewRecord[]): Promise<readonly bigint[]> {
    const { acks, compression } = this.#options;
    const messages = records.map((record) => messageOf(topic, record));
    try {
      const result = await this.client.send({ messages, acks: ACKS[acks], compression });
      return offsetsOf(records, result);
    } catch (error) {
      throw telling(error);
    }
  }
}
