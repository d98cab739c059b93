import type { CallOptions, HealthReport } from '@infra-kit/kernel';
import type {
  BatchHandler,
  BatchSubscribeOptions,
  DeadLetter,
  MessageHandler,
  OutgoingMessage,
  PartitionLag,
  SendReceipt,
  SubscribeOptions,
  Subscription,
  SubscriptionStats,
} from './mq.messages.js';

export interface TopicOptions {
  /** Default 1. */
  readonly partitions?: number | undefined;
  /** Default 1. */
  readonly replication?: number | undefined;
  /** The server's own settings, as `retention.ms`. */
  readonly config?: Readonly<Record<string, string | number>> | undefined;
}

/** Offsets to set: by partition number. */
export type PartitionOffsets = Readonly<Record<number, bigint | number>>;

export interface MqAdmin {
  /** ALREADY_EXISTS; INVALID_ARGUMENT for a name that is none. */
  createTopic(name: string, topic?: TopicOptions, options?: CallOptions): Promise<void>;
  /** NOT_FOUND. */
  deleteTopic(name: string, options?: CallOptions): Promise<void>;
  /** Names under this provider's prefix, sorted, without it. */
  topics(options?: CallOptions): Promise<string[]>;
  /** Of each partition the group has committed anything of. */
  lag(group: string, options?: CallOptions): Promise<PartitionLag[]>;
  /** FAILED_PRECONDITION while the group has members. */
  resetOffsets(
    group: string,
    topic: string,
    to: 'earliest' | 'latest' | Date | PartitionOffsets,
    options?: CallOptions,
  ): Promise<void>;
}

export interface DeadLetterQuery extends CallOptions {
  /** Default 100. */
  readonly limit?: number | undefined;
  /** Only those behind this one: the `id` of a letter. */
  readonly after?: string | undefined;
}

export interface DeadLetterSelection extends CallOptions {
  readonly filter?: ((letter: DeadLetter) => boolean) | undefined;
  /** Default: all. */
  readonly limit?: number | undefined;
}

/** What failed for good, by origin topic, oldest first; what was redriven or discarded is remembered and left out. */
export interface MqDeadLetters {
  list(topic: string, query?: DeadLetterQuery): Promise<DeadLetter[]>;
  /** Sends letters back to their origin topic, attempts kept; answers how many. At least once: a crash may repeat some. */
  redrive(topic: string, selection?: DeadLetterSelection): Promise<number>;
  /** Answers how many. */
  discard(topic: string, selection?: DeadLetterSelection): Promise<number>;
}

export interface MqTesting {
  /** Resolves when the group has finished and committed all there is. DEADLINE_EXCEEDED after `timeoutMs` (10,000). */
  drained(group: string, options?: CallOptions): Promise<void>;
}

export interface MqStats {
  readonly driver: string;
  readonly sent: number;
  readonly sendsFailed: number;
  /** Bytes of sends not yet acknowledged. */
  readonly bufferedBytes: number;
  readonly subscriptions: readonly SubscriptionStats[];
}

export type SendCallback = (error: Error | undefined, receipt: SendReceipt | undefined) => void;

/** Messages over Kafka, or in memory: topics of partitions, groups that share them. At least once. */
export abstract class MqProvider implements AsyncDisposable {
  abstract readonly name: string;
  abstract readonly admin: MqAdmin;
  abstract readonly deadLetters: MqDeadLetters;
  abstract readonly testing: MqTesting;
  /** True while there are subscriptions: then readiness depends on it. */
  abstract get subscribed(): boolean;
  /** The client underneath: of kafkajs the `Kafka` object. */
  abstract get native(): unknown;

  /**
   * Resolves when the message is acknowledged. INVALID_ARGUMENT for a bad topic or message, with nothing sent;
   * UNAVAILABLE when Kafka is away, DEADLINE_EXCEEDED when it does not answer: it may have been written then.
   */
  abstract send<T>(topic: string, message: OutgoingMessage<T>, options?: CallOptions): Promise<SendReceipt>;
  /** All are checked before any is sent; receipts in the order of the messages. An empty batch resolves to []. */
  abstract sendBatch<T>(
    topic: string,
    messages: readonly OutgoingMessage<T>[],
    options?: CallOptions,
  ): Promise<SendReceipt[]>;
  /**
   * Buffers for `lingerMs` and sends with others. The callback gets the outcome; without one a failure is logged.
   * RESOURCE_EXHAUSTED beyond `maxBufferedBytes`: to the callback when given, else thrown; bad arguments likewise.
   */
  abstract sendAsync<T>(topic: string, message: OutgoingMessage<T>, callback?: SendCallback): void;
  /** Resolves when everything handed to `sendAsync` before is acknowledged or has failed. */
  abstract flush(options?: CallOptions): Promise<void>;
  /** Resolves when the group is joined. A handler that resolves has finished its message; one that rejects has failed. */
  abstract subscribe<T>(
    topics: string | readonly string[],
    handler: MessageHandler<T>,
    options: SubscribeOptions,
  ): Promise<Subscription>;
  /** The same by batches of one partition: a batch fails and is tried again as a whole. */
  abstract subscribeBatch<T>(
    topics: string | readonly string[],
    handler: BatchHandler<T>,
    options: BatchSubscribeOptions,
  ): Promise<Subscription>;
  abstract stats(): MqStats;
  /** Never throws; limited to 2 s. Down too when a consumer no longer polls. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Drains all subscriptions, sends what is buffered, closes. Idempotent. A driver object that was passed in stays open. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
