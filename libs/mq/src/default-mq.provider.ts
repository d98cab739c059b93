import { InfraError, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import { Subscriptions } from './consuming/subscriptions.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import type { MqEngine } from './mq-engine.js';
import { mqError } from './mq.errors.js';
import type {
  BatchHandler,
  BatchSubscribeOptions,
  MessageHandler,
  OutgoingMessage,
  SendReceipt,
  SubscribeOptions,
  Subscription,
} from './mq.messages.js';
import {
  MqProvider,
  type MqAdmin,
  type MqDeadLetters,
  type MqStats,
  type MqTesting,
  type SendCallback,
} from './mq.provider.js';
import { DefaultMqAdmin } from './operations/default-admin.js';
import { drained } from './operations/drained.js';
import { reportHealth } from './operations/health.js';

/** The front: the parts, and the life of the whole. */
export class DefaultMqProvider extends MqProvider {
  override readonly name: string;
  override readonly admin: MqAdmin;
  override readonly deadLetters: MqDeadLetters;
  override readonly testing: MqTesting;
  readonly #engine: MqEngine;
  readonly #subscriptions: Subscriptions;
  readonly #closeEngine: () => Promise<void>;
  #warnedOfDualWrite = false;

  constructor(engine: MqEngine, subscriptions: Subscriptions, closeEngine: () => Promise<void>) {
    super();
    this.name = engine.place.name;
    this.#engine = engine;
    this.#subscriptions = subscriptions;
    this.#closeEngine = closeEngine;
    this.admin = new DefaultMqAdmin(engine);
    this.deadLetters = new DeadLetters({
      ...engine,
      namedFor: (topic) => subscriptions.deadLetterTopicsOf(topic),
    });
    this.testing = { drained: (group, options) => drained(engine, subscriptions, group, options) };
  }

  override get subscribed(): boolean {
    return this.#subscriptions.all.length > 0;
  }

  override get native(): unknown {
    return this.#engine.driver.native;
  }

  override async send<T>(
    topic: string,
    message: OutgoingMessage<T>,
    options?: CallOptions,
  ): Promise<SendReceipt> {
    this.#checkSend();
    const [receipt] = await this.#engine.producer.send(topic, [message], options);
    if (receipt === undefined) throw new InfraError('INTERNAL', 'mq: a send brought no receipt');
    return receipt;
  }

  override async sendBatch<T>(
    topic: string,
    messages: readonly OutgoingMessage<T>[],
    options?: CallOptions,
  ): Promise<SendReceipt[]> {
    this.#checkSend();
    return this.#engine.producer.send(topic, messages, options);
  }

  override sendAsync<T>(topic: string, message: OutgoingMessage<T>, callback?: SendCallback): void {
    this.#checkSend();
    this.#engine.producer.sendAsync(topic, message, callback);
  }

  override async flush(options?: CallOptions): Promise<void> {
    this.#engine.runner.checkOpen();
    await this.#engine.producer.flush(options);
  }

  override subscribe<T>(
    topics: string | readonly string[],
    handler: MessageHandler<T>,
    options: SubscribeOptions,
  ): Promise<Subscription> {
    return this.#subscriptions.subscribe({ topics, handler, options, batches: false });
  }

  override subscribeBatch<T>(
    topics: string | readonly string[],
    handler: BatchHandler<T>,
    options: BatchSubscribeOptions,
  ): Promise<Subscription> {
    return this.#subscriptions.subscribe({ topics, handler, options, batches: true });
  }

  override stats(): MqStats {
    const { driver, producer, place, runner } = this.#engine;
    if (runner.closed) throw mqError(place, 'FAILED_PRECONDITION', 'it is closed; make a new one');
    return {
      driver: driver.kind,
      sent: producer.sent,
      sendsFailed: producer.failed,
      bufferedBytes: producer.bufferedBytes,
      subscriptions: this.#subscriptions.all.map((subscription) => subscription.stats()),
    };
  }

  override health(options?: CallOptions): Promise<HealthReport> {
    return reportHealth(this.#engine, this.#subscriptions.all, options);
  }

  override async close(): Promise<void> {
    await this.#closeEngine();
  }

  /** A message and a commit are two writes: one may happen without the other. Said once. */
  #checkSend(): void {
    const { runner, inTransaction, logger } = this.#engine;
    runner.checkOpen();
    if (this.#warnedOfDualWrite || inTransaction?.() !== true) return;
    this.#warnedOfDualWrite = true;
    logger.warn(
      'a message is sent inside a database transaction: it stays sent when the transaction rolls back; publish it through the outbox (OutboxProvider.publish), or send it after the commit',
    );
  }
}
