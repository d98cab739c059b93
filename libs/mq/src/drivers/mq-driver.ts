import type { InfraErrorCode } from '@infra-kit/kernel';

/** Aborts when nobody waits for the answer any more; a driver may go on, and must not fail because of it. */
export interface DriverCall {
  readonly signal: AbortSignal;
}

/** Headers as they travel. A name that came more than once has a list. */
export type RawHeaders = Readonly<Record<string, Buffer | readonly Buffer[]>>;

/** A record to append. The front has chosen the partition. */
export interface NewRecord {
  readonly partition: number;
  readonly key: Buffer | null;
  /** null: a tombstone. */
  readonly value: Buffer | null;
  readonly headers: RawHeaders;
  /** Epoch milliseconds; absent: now. */
  readonly timestamp: number | undefined;
}

/** A record as it lies in a partition. */
export interface StoredRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RawHeaders;
  /** Epoch milliseconds. */
  readonly timestamp: number;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A place in a partition: of a commit, the next record to read. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: bigint;
}

/** Records of one partition, offsets rising; gaps are compaction or transactions. */
export interface RecordBatch extends TopicPartition {
  readonly records: readonly StoredRecord[];
  /** The next offset that will be written to the partition, as far as the driver knows: for lag. */
  readonly highWatermark: bigint;
}

export interface PartitionBounds {
  readonly partition: number;
  /** The oldest record that is still there. */
  readonly low: bigint;
  /** The next offset that will be written. */
  readonly high: bigint;
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  /** The server's own settings, as `retention.ms`. */
  readonly config: Readonly<Record<string, string>>;
}

/** Membership in a group. */
export interface JoinRequest {
  readonly group: string;
  /** They exist. Members of one group may name different ones: each gets partitions of its own topics alone. */
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** How long the group waits for a member that gives its partitions back. */
  readonly rebalanceTimeoutMs: number;
  /** Most bytes of one fetch, and of one partition in it. */
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  /** Longest a fetch waits for something to come. */
  readonly maxWaitMs: number;
}

/**
 * What the front does about a membership. A driver calls it from one consumer in this order:
 * (`assigned` `records`* `revoked`)* `ended`?. It never throws; the promises never reject.
 */
export interface ConsumerListener {
  /**
   * The partitions this member has now: all of them, not a difference. The driver fetches each from the offset that the
   * promise brings, and nothing before that. A partition it does not bring is not fetched. The group's committed offsets
   * are not the driver's business. When the assignment changes before the promise settles, its result is thrown away.
   */
  assigned(partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]>;
  /** Records of one partition, as many as came. Never of a partition that is paused, revoked, or waits for its offset. */
  records(batch: RecordBatch): void;
  /**
   * The group rebalances: all partitions of this member are about to go. The driver delivers nothing from here until
   * `assigned`, and joins again only when the promise has settled: running handlers finish and commit meanwhile, so that
   * the next owner neither repeats nor overtakes them. The front limits it to half of `sessionTimeoutMs` and of
   * `rebalanceTimeoutMs`. A driver that was thrown out of the group calls `ended` instead.
   */
  revoked(): Promise<void>;
  /** A fetch came back, with records or without: the consumer lives. At least every `heartbeatIntervalMs` while it does. */
  polled(): void;
  /**
   * The consumer is over and will not come back by itself: connection lost for good, thrown out of the group, a bug.
   * Called at most once, never before `join` has resolved (which rejects instead) and never after `close`. The front
   * closes it and joins anew, with backoff.
   */
  ended(error: unknown): void;
}

/** A member of a group. Calls about partitions it does not have do nothing. */
export interface MqConsumer {
  /** Delivers nothing of these until `resume`; what has been fetched of them is thrown away and fetched again. */
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  /** The next record delivered of the partition is the first at or after this offset; what was under way is thrown away. */
  seek(place: PartitionOffset): void;
  /**
   * Stores the group's offsets under this member's generation; works until `revoked` has settled.
   * Rejects when the group has given the partitions away.
   */
  commit(offsets: readonly PartitionOffset[], call: DriverCall): Promise<void>;
  /** Leaves the group and frees everything; delivers nothing from its call on, and does not call `revoked`. Idempotent. */
  close(): Promise<void>;
}

/** All of it works without a membership. */
export interface MqDriverAdmin {
  /** ALREADY_EXISTS. Resolves when records can be appended. */
  createTopic(topic: NewTopic, call: DriverCall): Promise<void>;
  /** NOT_FOUND. */
  deleteTopic(name: string, call: DriverCall): Promise<void>;
  /** Names in any order, internal ones left out. */
  topics(call: DriverCall): Promise<readonly string[]>;
  /** NOT_FOUND. */
  partitionCount(topic: string, call: DriverCall): Promise<number>;
  /** One entry a partition. NOT_FOUND. */
  bounds(topic: string, call: DriverCall): Promise<readonly PartitionBounds[]>;
  /** The first offset of each partition whose record is not older than `timestamp`, else the high watermark. NOT_FOUND. */
  offsetsAt(topic: string, timestamp: number, call: DriverCall): Promise<readonly PartitionOffset[]>;
  /** What the group has committed, of all topics; partitions without a commit are left out. An unknown group has none. */
  committed(group: string, call: DriverCall): Promise<readonly PartitionOffset[]>;
  /** Sets a group's offsets from outside. FAILED_PRECONDITION while the group has members. */
  setCommitted(group: string, offsets: readonly PartitionOffset[], call: DriverCall): Promise<void>;
}

/**
 * A log of partitioned topics with consumer groups: all that a system of messages has to offer here. Codecs, validation,
 * concurrency, offsets, retries, dead letters, deadlines, metrics are written once, above it. Errors come out raw;
 * `codeOf` tells what they mean. Methods reject promptly when they can know that they fail; limits are the front's.
 */
export interface MqDriver {
  /** For logs and health: 'memory', 'kafkajs'. */
  readonly kind: string;
  /** The client underneath. */
  readonly native: unknown;
  readonly admin: MqDriverAdmin;
  /** Rejects when the servers cannot be used. May be called again. */
  connect(call: DriverCall): Promise<void>;
  /**
   * Appends to one topic, in the order given within each partition, and answers the offsets, one a record in the order of
   * `records`; -1 each where the configuration asks for no acknowledgement. Calls for one topic come one after another,
   * for several at once. All records are of existing partitions. Rejects when any was not acknowledged; some may have been
   * appended then. Its own repeats must neither lose nor reorder: a request that was given up must not make a later one
   * look like a repeat.
   */
  produce(topic: string, records: readonly NewRecord[], call: DriverCall): Promise<readonly bigint[]>;
  /** Resolves when the member has its first assignment and fetches (the listener's first `assigned` has settled). */
  join(request: JoinRequest, listener: ConsumerListener, call: DriverCall): Promise<MqConsumer>;
  /** Resolves when a server answers now. */
  ping(call: DriverCall): Promise<void>;
  /** Why the servers cannot be reached, when the last attempt to reach one failed; undefined when it did not. */
  trouble(): unknown;
  /** Facts for health, without secrets: brokers. */
  describe(): Readonly<Record<string, unknown>>;
  /** What one of this driver's errors means; undefined: not one it knows. */
  codeOf(error: unknown): InfraErrorCode | undefined;
  /** Closes connections; consumers that are left are closed. Idempotent. */
  close(): Promise<void>;
}
