import { isInfraError } from '@infra-kit/kernel';
import type { MqEngine } from '../mq-engine.js';
import { invalidArgument, mqError, shown } from '../mq.errors.js';
import type { BatchSubscribeOptions, MessageContext, Subscription } from '../mq.messages.js';
import { GroupSubscription } from './group-subscription.js';
import type { Incoming } from './incoming.js';
import { settleOptions, type SettledOptions } from './settled-options.js';

type Handler = (messages: readonly Incoming[], context: MessageContext) => Promise<void>;

export interface SubscribeRequest {
  readonly topics: unknown;
  readonly handler: unknown;
  readonly options: BatchSubscribeOptions;
  readonly batches: boolean;
}

/** The subscriptions of one mq. */
export class Subscriptions {
  readonly #engine: MqEngine;
  readonly #open = new Set<GroupSubscription>();
  /** Dead-letter topics by origin, as subscriptions have named them; they outlive the subscription. */
  readonly #deadLetterTopics = new Map<string, Set<string>>();

  constructor(engine: MqEngine) {
    this.#engine = engine;
  }

  get all(): readonly GroupSubscription[] {
    return [...this.#open];
  }

  deadLetterTopicsOf(topic: string): readonly string[] {
    return [...(this.#deadLetterTopics.get(topic) ?? [])];
  }

  async subscribe(request: SubscribeRequest): Promise<Subscription> {
    const { place, names, settings, runner } = this.#engine;
    runner.checkOpen();
    const handler = this.#handlerOf(request);
    const options = settleOptions(place, names, settings(), request);
    try {
      const topics = await this.#topics(options);
      const subscription = new GroupSubscription({
        ...this.#engine,
        logger: this.#engine.logger.with({ group: options.group }),
        options,
        handler,
        onClosed: (closed) => this.#open.delete(closed),
      });
      this.#open.add(subscription);
      try {
        await subscription.start(topics, request.options);
      } catch (error) {
        await subscription.close({ drainMs: 0 });
        throw error;
      }
      return subscription;
    } catch (error) {
      throw isInfraError(error) ? error : runner.failure('subscribe', error);
    }
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.all.map((subscription) => subscription.close()));
  }

  #handlerOf({ handler, batches }: SubscribeRequest): Handler {
    if (typeof handler !== 'function')
      throw invalidArgument(
        this.#engine.place,
        `subscribe: handler must be a function, got ${shown(handler)}`,
      );
    const call = handler as (what: unknown, context: MessageContext) => Promise<void>;
    if (!batches) return async ([message], context) => call(message, context);
    return async (messages, context) => {
      const { topic = '', partition = 0 } = messages[0] ?? {};
      await call({ topic, partition, messages }, context);
    };
  }

  /** All that the member reads: what the caller named, and its retries. What they may be put into exists from here on. */
  async #topics(options: SettledOptions): Promise<string[]> {
    const { names, topics } = this.#engine;
    const read: string[] = [];
    for (const topic of options.topics) {
      const full = names.full(topic);
      const partitions = await topics.partitions(full);
      read.push(full);
      for (const retry of options.retryTopicsOf(topic)) {
        read.push(names.full(retry));
        await this.#ensure(retry, partitions, topic);
      }
      const dead = options.deadLetterOf(topic);
      if (dead !== undefined) {
        await this.#ensure(dead, 1, topic);
        this.#remember(topic, dead);
      }
    }
    return read;
  }

  #remember(topic: string, dead: string): void {
    const known = this.#deadLetterTopics.get(topic) ?? new Set();
    this.#deadLetterTopics.set(topic, known.add(dead));
  }

  async #ensure(topic: string, partitions: number, origin: string): Promise<void> {
    const { names, topics, place } = this.#engine;
    try {
      await topics.partitions(names.full(topic), partitions);
    } catch (error) {
      if (!isInfraError(error) || error.code !== 'NOT_FOUND') throw error;
      throw mqError(
        place,
        'FAILED_PRECONDITION',
        `subscribe: ${origin} needs the topic ${names.full(topic)} for messages that fail; create it, or let it be made: createTopics: true`,
        { cause: error },
      );
    }
  }
}
