import type { DbProvider } from '@infra-kit/db';
import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';
import type { OutgoingMessage } from '@infra-kit/mq';

export interface PublishOptions extends CallOptions {
  /**
   * Not sent before this time (a Date, or epoch milliseconds), by the database's clock. It takes its place among the
   * messages of its key then: those that are published meanwhile do not wait for it.
   */
  readonly notBefore?: Date | number | undefined;
}

/** A message for `publishAll`. */
export interface TopicMessage<T> extends OutgoingMessage<T> {
  readonly topic: string;
  readonly notBefore?: Date | number | undefined;
}

export interface OutboxStats {
  /** Committed and not sent, parked ones left out; those that wait for their time or their next try count. */
  readonly pending: number;
  /** Milliseconds since the oldest pending message became due; 0 when none is. */
  readonly oldestAgeMs: number;
  /** Messages that this process has sent. */
  readonly sent: number;
  /** Tries of this process that failed for a message's own reasons. */
  readonly failed: number;
  /** Given up, until `retry` or `discard`. */
  readonly parked: number;
}

/** A message that could not be sent. */
export interface ParkedMessage {
  readonly id: string;
  readonly topic: string;
  /** A string when it is valid UTF-8. */
  readonly key: string | Buffer | undefined;
  readonly value: unknown;
  readonly headers: Readonly<Record<string, string | Buffer>>;
  readonly createdAt: Date;
  readonly parkedAt: Date;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly message: string };
}

export interface ParkedQuery extends CallOptions {
  /** Default 100, at most 1,000. */
  readonly limit?: number | undefined;
  /** Only those behind this one: an `id`. */
  readonly after?: string | undefined;
}

export interface InboxResult<T> {
  /** False: this consumer had handled the message before; nothing was run. */
  readonly ran: boolean;
  readonly value?: T;
}

export interface Inbox {
  /**
   * Runs `fn` once a consumer and message: a row that says so and all that `fn` writes commit in one transaction, in
   * which `db.em()` and `db.sql` are. Joins a running transaction as a savepoint. A second run at the same time waits for
   * the first and gets `ran: false`; when `fn` fails nothing is kept, its error comes out as it is, and the next run
   * runs. Run again whole after a serialization failure. A message that comes again after `inboxRetentionMs` runs again.
   */
  run<T>(
    consumer: string,
    messageId: string,
    fn: (em: ReturnType<DbProvider['em']>) => Promise<T>,
    options?: CallOptions,
  ): Promise<InboxResult<T>>;
}

/**
 * Messages that commit with the data: type, injection token and documentation of the component.
 *
 * - **Publishing** adds rows to the transaction that runs, written as one statement just before its COMMIT: data and
 *   messages are there together, or neither is.
 * - **The relay** sends them: at least once, and per topic and key in the order of the commits, also when several relays
 *   run. A message carries its id in the header `x-message-id`; a relay that dies between the acknowledgement and its
 *   own mark sends it again under that id, and `inbox.run` makes the effect happen once.
 * - **A message that cannot be sent** is tried `maxAttempts` times with back-off, then parked; with `onParked: 'block'`
 *   those of its key wait behind it, and no others. A broker that is away costs no attempt.
 * - **Errors**: INVALID_ARGUMENT for a bad argument; FAILED_PRECONDITION outside of a transaction, when a table is
 *   missing, and after `close`; those of the database otherwise.
 */
export abstract class OutboxProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  abstract readonly inbox: Inbox;

  /** Resolves with the message's id, a UUIDv7; the row is written at the end of the transaction. */
  abstract publish<T>(topic: string, message: OutgoingMessage<T>, options?: PublishOptions): Promise<string>;
  /** All are checked before any is taken. Ids in the order of the messages. */
  abstract publishAll(messages: readonly TopicMessage<unknown>[], options?: CallOptions): Promise<string[]>;
  /** Starts the relay of this process. Idempotent. The module does it, unless `relay` is false. */
  abstract start(): Promise<void>;
  /** Resolves when a pass under way has ended; what is not sent stays. Idempotent; `start` may follow. */
  abstract stop(): Promise<void>;
  /**
   * One pass: sends what is due, `limit` messages at most (default `batchSize`); how many it sent. 0 too when another
   * relay leads. UNAVAILABLE when the broker is away.
   */
  abstract relayOnce(limit?: number, options?: CallOptions): Promise<number>;
  abstract stats(options?: CallOptions): Promise<OutboxStats>;
  /** Oldest first. */
  abstract parked(query?: ParkedQuery): Promise<ParkedMessage[]>;
  /** Lets parked messages be sent again, all attempts anew; how many there were. */
  abstract retry(ids: readonly string[], options?: CallOptions): Promise<number>;
  /** Gives parked messages up for good; how many there were. */
  abstract discard(ids: readonly string[], options?: CallOptions): Promise<number>;
  /** Makes tables and indexes that are missing; the statements. At start too where the database has `autoMigrate`. */
  abstract migrate(options?: CallOptions): Promise<string[]>;
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Stops the relay with a last pass over what is due. The database and the mq stay their giver's. Idempotent. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
