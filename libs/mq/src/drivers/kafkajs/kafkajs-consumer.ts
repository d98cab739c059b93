import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type {
  ConsumerListener,
  DriverCall,
  JoinRequest,
  MqConsumer,
  PartitionOffset,
  RawHeaders,
  StoredRecord,
  TopicPartition,
} from '../mq-driver.js';
import { assignerWith } from './kafkajs-assigner.js';
import { consumerRetry, type Reachability } from './kafkajs-client.js';

type KafkajsMessage = EachBatchPayload['batch']['messages'][number];

const NO_HEADERS: RawHeaders = {};
const NOTHING = Buffer.alloc(0);

function headersOf({ headers }: KafkajsMessage): RawHeaders {
  if (headers === undefined) return NO_HEADERS;
  for (const name in headers) if (!Buffer.isBuffer(headers[name])) return converted(headers);
  return headers as RawHeaders; // as they come from the wire, nearly always
}

/**
 * kafkajs looks names up without asking whose they are: a header called as a member of every object ('constructor') comes
 * with that member before its value. A header without a value is an empty one.
 */
function converted(headers: NonNullable<KafkajsMessage['headers']>): RawHeaders {
  const entries: [string, unknown][] = Object.entries(headers);
  return Object.fromEntries(
    entries.map(([name, value]): [string, Buffer | Buffer[]] => {
      if (!Array.isArray(value)) return [name, bytesOf(value)];
      const own = value.filter((each) => each === null || Buffer.isBuffer(each)).map(bytesOf);
      return [name, own.length === 1 ? (own[0] ?? NOTHING) : own];
    }),
  );
}

const bytesOf = (value: unknown): Buffer => (Buffer.isBuffer(value) ? value : NOTHING);

const stored = (message: KafkajsMessage): StoredRecord => ({
  offset: BigInt(message.offset),
  key: message.key,
  value: message.value,
  headers: headersOf(message),
  timestamp: Number(message.timestamp),
});

function byTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [partition]);
    else known.push(partition);
  }
  return [...topics].map(([topic, numbers]) => ({ topic, partitions: numbers }));
}

/** A member of a group, by a consumer of kafkajs. It hands batches on and fetches the next ones; pausing holds it back. */
export class KafkajsConsumer implements MqConsumer {
  readonly #consumer: Consumer;
  readonly #listener: ConsumerListener;
  readonly #reach: Reachability;
  readonly #joined = Promise.withResolvers<void>();
  #holding = false;
  #assignment = 0;
  #ready = false;
  #closed = false;
  #leaving: Promise<void> | undefined;
  #commits: Promise<void> = Promise.resolve();

  constructor(kafka: Kafka, request: JoinRequest, listener: ConsumerListener, reach: Reachability) {
    this.#listener = listener;
    this.#reach = reach;
    this.#consumer = kafka.consumer({
      groupId: request.group,
      sessionTimeout: request.sessionTimeoutMs,
      heartbeatInterval: request.heartbeatIntervalMs,
      rebalanceTimeout: request.rebalanceTimeoutMs,
      maxBytes: request.maxBytes,
      maxBytesPerPartition: request.maxBytesPerPartition,
      maxWaitTimeInMs: request.maxWaitMs,
      allowAutoTopicCreation: false,
      partitionAssigners: [assignerWith(() => this.#beforeJoin())],
      // a consumer has retries of its own, and restarts itself unless told: the front does that
      retry: { ...consumerRetry(request.sessionTimeoutMs), restartOnFailure: async () => false },
    });
  }

  /** Resolves with the first assignment. */
  async join(topics: readonly string[], { signal }: DriverCall): Promise<void> {
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => void this.#onJoin(payload.memberAssignment));
    this.#consumer.on(events.FETCH, () => this.#polled());
    this.#consumer.on(events.CRASH, ({ payload }) => this.#onCrash(payload.error));
    const abort = (): void => this.#joined.reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#start(topics), this.#joined.promise]);
      await this.#joined.promise;
      this.#ready = true;
    } catch (error) {
      void this.close().catch(() => undefined);
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    if (this.#holding) this.#consumer.pause(byTopic(partitions));
  }

  resume(partitions: readonly TopicPartition[]): void {
    if (this.#holding) this.#consumer.resume(byTopic(partitions));
  }

  seek({ topic, partition, offset }: PartitionOffset): void {
    if (this.#holding) this.#consumer.seek({ topic, partition, offset: String(offset) });
  }

  /** One after another: kafkajs repeats a commit after its caller has given up, and must not undo a later one so. */
  commit(offsets: readonly PartitionOffset[], { signal }: DriverCall): Promise<void> {
    const places = offsets.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      offset: String(offset),
    }));
    this.#commits = this.#commits
      .catch(() => undefined)
      .then(() => (signal.aborted ? undefined : this.#consumer.commitOffsets(places)));
    return this.#commits;
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#holding = false;
    this.#leaving ??= this.#consumer.disconnect();
    return this.#leaving;
  }

  async #start(topics: readonly string[]): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await this.#consumer.run({ autoCommit: false, eachBatch: (payload) => this.#onBatch(payload) });
  }

  async #beforeJoin(): Promise<void> {
    this.#assignment++;
    if (!this.#holding || this.#closed) return;
    this.#holding = false;
    await this.#listener.revoked();
  }

  /** In the turn in which kafkajs has the assignment, before it fetches: paused first, then each from its offset. */
  async #onJoin(assigned: Readonly<Record<string, number[]>>): Promise<void> {
    if (this.#closed) return;
    const assignment = ++this.#assignment;
    this.#holding = true;
    const partitions = Object.entries(assigned).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    );
    this.#consumer.pause(byTopic(partitions));
    const starts = await this.#listener.assigned(partitions);
    if (assignment !== this.#assignment || this.#closed) return;
    for (const start of starts) this.seek(start);
    this.resume(starts);
    this.#joined.resolve();
  }

  async #onBatch({ batch }: EachBatchPayload): Promise<void> {
    if (!this.#holding) return;
    this.#reach.fine();
    const { topic, partition, highWatermark, messages } = batch;
    this.#listener.records({
      topic,
      partition,
      records: messages.map((message) => stored(message)),
      highWatermark: BigInt(highWatermark),
    });
  }

  #polled(): void {
    if (!this.#closed) this.#listener.polled();
  }

  #onCrash(error: Error): void {
    this.#holding = false;
    this.#joined.reject(error);
    this.#joined.promise.catch(() => undefined);
    if (this.#ready && !this.#closed) this.#listener.ended(error);
  }
}
