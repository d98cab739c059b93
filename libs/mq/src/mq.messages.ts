import type { CallOptions, Logger } from '@infra-kit/kernel';

/** A message to send. */
export interface OutgoingMessage<T> {
  /** Messages of one key go to one partition, in order. Without one they are spread. */
  readonly key?: string | Buffer | undefined;
  /** null: a tombstone, which passes any codec. */
  readonly value: T | null;
  readonly headers?: Readonly<Record<string, string | Buffer>> | undefined;
  /** Overrides the choice by key. */
  readonly partition?: number | undefined;
  /** Epoch milliseconds; default: now. */
  readonly timestamp?: number | undefined;
}

/** Where an acknowledged message lies. `offset` is -1 with `acks: 'none'`, when nobody said. */
export interface SendReceipt {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** A message received. */
export interface IncomingMessage<T> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** 1 at the first try; goes on through retry topics and after a redrive. */
  readonly attempt: number;
  /** A string when it is valid UTF-8. */
  readonly key: string | Buffer | undefined;
  readonly value: T;
  /** As text; of a name that came more than once, the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: Readonly<Record<string, Buffer>>;
  /** The value's bytes as they came; empty for a tombstone. */
  readonly raw: Buffer;
  /** Epoch milliseconds. */
  readonly timestamp: number;
}

/** Messages of one partition, in order. */
export interface IncomingBatch<T> {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly IncomingMessage<T>[];
}

export interface MessageContext {
  /** Aborts at `handlerTimeoutMs`, when the partition is lost, and at the end of a drain. */
  readonly signal: AbortSignal;
  /** Starts `handlerTimeoutMs` anew: for work that is long and gets on. The group's heartbeats go on by themselves. */
  heartbeat(): Promise<void>;
  readonly logger: Logger;
  readonly traceId: string;
}

export type MessageHandler<T> = (message: IncomingMessage<T>, context: MessageContext) => Promise<void>;
export type BatchHandler<T> = (batch: IncomingBatch<T>, context: MessageContext) => Promise<void>;

/** How often and when a failed message is tried again. */
export interface RetryPolicy {
  /** All tries, the first included. Default 3. */
  readonly attempts?: number | undefined;
  /** Before the second try. Default 500. */
  readonly backoffMs?: number | undefined;
  /** Default 30,000. */
  readonly maxBackoffMs?: number | undefined;
  /** What the wait grows by each time. Default 2. */
  readonly factor?: number | undefined;
  /** 0…1: the part of each wait that is left to chance. Default 0.2. */
  readonly jitter?: number | undefined;
  /**
   * 'in-place' (default): the message waits, and with it those behind it of its key (of its partition with concurrency 1).
   * 'topics': it goes to `<topic>.retry.<n>`, others pass: order is given up.
   */
  readonly mode?: 'in-place' | 'topics' | undefined;
  /** True: no further try. */
  readonly fatal?: ((error: unknown) => boolean) | undefined;
}

/** How values become bytes. `decode` throws for bytes that are none of its own. */
export interface MqCodec {
  readonly name: string;
  encode(value: unknown): Buffer;
  decode(bytes: Buffer): unknown;
}

export interface SubscribeOptions extends CallOptions {
  /** The consumer group: its members share the partitions. */
  readonly group: string;
  /** Where a group without committed offsets begins: at the oldest message, or (default) at what comes from now on. */
  readonly fromBeginning?: boolean | undefined;
  /** Handlers at once. Default 1: each partition in order. More: keys in parallel, order per key kept. */
  readonly concurrency?: number | undefined;
  readonly retry?: RetryPolicy | undefined;
  /**
   * Where messages go that failed for good: `<topic>.dlq` (true, default), a topic's name, or nowhere (false): then the
   * message is tried until it succeeds, since it must not be lost.
   */
  readonly deadLetter?: boolean | string | undefined;
  readonly codec?: 'json' | 'raw' | MqCodec | undefined;
  /** A class-validator class: values become instances of it; one that does not fit is a dead letter at once. */
  readonly schema?: (new () => object) | undefined;
  /** Default true. False: `subscription.commit()` does it. */
  readonly autoCommit?: boolean | undefined;
  /** Messages received and not finished beyond which partitions are paused; a fetched batch is taken whole. Default 1,000. */
  readonly maxInFlight?: number | undefined;
  /** Longest a handler may run. Default 300,000. */
  readonly handlerTimeoutMs?: number | undefined;
}

export interface BatchSubscribeOptions extends SubscribeOptions {
  /** Most messages of a batch. Default 100. */
  readonly batchSize?: number | undefined;
}

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** The next message the group reads; -1 when it has committed nothing. */
  readonly committed: bigint;
  /** The next offset that will be written. */
  readonly end: bigint;
  /** Messages not yet committed. */
  readonly lag: bigint;
}

export interface SubscriptionStats {
  readonly group: string;
  readonly topics: readonly string[];
  readonly state: 'joining' | 'running' | 'paused' | 'restarting' | 'closed';
  readonly assigned: readonly { readonly topic: string; readonly partition: number }[];
  /** Received and not finished; of these, in handlers. */
  readonly inFlight: number;
  readonly running: number;
  readonly processed: number;
  /** Runs of the handler that failed. */
  readonly failed: number;
  readonly retried: number;
  readonly deadLettered: number;
  readonly restarts: number;
  /** Messages of its partitions that it has not finished, as far as the last fetch told. */
  readonly lag: bigint;
  /** Epoch milliseconds. */
  readonly lastPollAt: number | undefined;
  readonly lastError: string | undefined;
}

export interface Subscription extends AsyncDisposable {
  readonly group: string;
  readonly topics: readonly string[];
  /** No further handler starts, nothing is fetched; running ones end. The place in the group is kept. */
  pause(): void;
  resume(): void;
  /** Goes on with this offset. NOT_FOUND for a partition that is not assigned here. */
  seek(topic: string, partition: number, offset: bigint | number): Promise<void>;
  /** Commits what is finished. */
  commit(options?: CallOptions): Promise<void>;
  lag(options?: CallOptions): Promise<PartitionLag[]>;
  stats(): SubscriptionStats;
  /** Takes nothing more, lets handlers finish for `drainMs` (default 10,000), commits, leaves the group. Idempotent. */
  close(options?: { readonly drainMs?: number | undefined }): Promise<void>;
}

export interface DeadLetter {
  readonly id: string;
  /** Where the message came from. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | Buffer | undefined;
  /** Decoded; undefined when it does not decode. */
  readonly value: unknown;
  readonly raw: Buffer;
  /** The message's own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly group: string;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  readonly lastFailedAt: Date;
  readonly error: { readonly name: string; readonly code: string | undefined; readonly message: string };
}
