import {
  abortError,
  InfraContext,
  withDeadline,
  type CallOptions,
  type Clock,
  type Logger,
} from '@infra-kit/kernel';
import type { MqDriver, NewRecord } from '../drivers/mq-driver.js';
import type { MqConfig } from '../mq.config.js';
import { invalidArgument, mqError, shown, type MqPlace } from '../mq.errors.js';
import type { MqCodec, OutgoingMessage, SendReceipt } from '../mq.messages.js';
import type { SendCallback } from '../mq.provider.js';
import { sendDuration, sentCounter } from '../mq.telemetry.js';
import type { CallRunner } from '../operations/call-runner.js';
import { seal, traceHeaders, type Envelope } from './envelope.js';
import { partitionOfKey } from './partitioner.js';
import { sendSpan } from './send-span.js';
import type { TopicBook } from './topic-book.js';
import type { TopicNames } from './topic-names.js';
import { QueuedSend, TopicQueue } from './topic-queue.js';

export interface ProducerParts {
  readonly place: MqPlace;
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly names: TopicNames;
  readonly topics: TopicBook;
  readonly codec: MqCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: () => MqConfig;
}

/** Sends messages: checked, encoded, with their trace, batched by topic, each with its receipt. */
export class Producer {
  readonly #parts: ProducerParts;
  readonly #queues = new Map<string, TopicQueue>();
  #turn = 0;
  #bufferedBytes = 0;
  #sent = 0;
  #failed = 0;

  constructor(parts: ProducerParts) {
    this.#parts = parts;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }
  get sent(): number {
    return this.#sent;
  }
  get failed(): number {
    return this.#failed;
  }

  async send<T>(
    topic: string,
    messages: readonly OutgoingMessage<T>[],
    options: CallOptions | undefined,
  ): Promise<SendReceipt[]> {
    if (!Array.isArray(messages))
      throw invalidArgument(this.#parts.place, `messages must be a list, got ${shown(messages)}`);
    const full = this.#parts.names.full(topic);
    return sendSpan(topic, messages.length, async () => {
      const trace = traceHeaders();
      const envelopes = messages.map((message) => this.#seal(message, trace));
      return envelopes.length === 0 ? [] : this.dispatch(topic, full, envelopes, options);
    });
  }

  /** Sends what is sealed already, bytes as they are: dead letters, retries, redrives. `topic` as callers know it. */
  async dispatch(
    topic: string,
    full: string,
    envelopes: readonly Envelope[],
    options: CallOptions | undefined,
  ): Promise<SendReceipt[]> {
    const { runner, place, settings } = this.#parts;
    const started = performance.now();
    const sends: QueuedSend[] = [];
    try {
      const operation = `${place.label}.send`;
      const receipts = await withDeadline(options, settings().producer.timeoutMs, operation, async () => {
        if (envelopes.some(({ partition }) => partition !== undefined))
          await this.#checkPartitions(full, envelopes);
        return this.#enqueue(topic, full, envelopes, sends);
      });
      this.#count(topic, 'ok', envelopes.length, started);
      return receipts;
    } catch (error) {
      for (const send of sends) send.cancelled = true;
      const failure = runner.failure(`send to ${topic}`, error);
      this.#count(topic, failure.code, envelopes.length, started);
      throw failure;
    }
  }

  sendAsync<T>(topic: string, message: OutgoingMessage<T>, callback: SendCallback | undefined): void {
    const { names, place, settings, logger, runner } = this.#parts;
    if (callback !== undefined && typeof callback !== 'function')
      throw invalidArgument(place, `sendAsync: callback must be a function, got ${shown(callback)}`);
    // what a callback throws is its own affair: neither the batch's other messages nor the process may suffer
    const tell = (error: Error | undefined, receipt?: SendReceipt): void => {
      try {
        callback?.(error, receipt);
      } catch (thrown) {
        logger.error('a callback of sendAsync threw', { topic, err: thrown });
      }
    };
    const refuse = (error: Error): void => {
      if (callback === undefined) throw error;
      queueMicrotask(() => tell(error));
    };
    let full: string;
    let envelope: Envelope;
    try {
      full = names.full(topic);
      envelope = this.#seal(message, traceHeaders());
    } catch (error) {
      return refuse(runner.failure(`sendAsync to ${topic}`, error));
    }
    const { maxBufferedBytes, timeoutMs } = settings().producer;
    if (this.#bufferedBytes + envelope.bytes > maxBufferedBytes)
      return refuse(
        mqError(
          place,
          'RESOURCE_EXHAUSTED',
          `sendAsync: ${this.#bufferedBytes} bytes wait to be acknowledged; send slower, or raise producer.maxBufferedBytes (${maxBufferedBytes})`,
          { retryable: true },
        ),
      );
    const started = performance.now();
    const finish = (error: Error | undefined, receipt?: SendReceipt): void => {
      limit[Symbol.dispose]();
      send.cancelled = true;
      this.#count(topic, error === undefined ? 'ok' : runner.codeOf(error), 1, started);
      tell(error, receipt);
      if (callback === undefined && error !== undefined)
        logger.error('a message was not sent', { topic, err: error });
    };
    const send = new QueuedSend(envelope, (error, at) => {
      this.#bufferedBytes -= envelope.bytes;
      if (send.cancelled) return;
      if (error === undefined && at !== undefined) finish(undefined, { topic, ...at });
      else finish(runner.failure(`sendAsync to ${topic}`, error));
    });
    const limit = this.#parts.clock.setTimeout(() => {
      const late = abortError(`${place.label}.sendAsync`, new DOMException('late', 'TimeoutError'));
      finish(runner.failure(`sendAsync to ${topic}`, late));
    }, timeoutMs);
    limit.unref();
    this.#bufferedBytes += envelope.bytes;
    this.#queue(full).add([send], true);
  }

  async flush(options: CallOptions | undefined): Promise<void> {
    const all = (): Promise<unknown> => Promise.all([...this.#queues.values()].map((queue) => queue.flush()));
    const { timeoutMs } = this.#parts.settings().producer;
    await this.#parts.runner.run('flush', { options, limitMs: timeoutMs * 2 }, all);
  }

  #seal(message: OutgoingMessage<unknown>, trace: Readonly<Record<string, Buffer>>): Envelope {
    const { place, codec, settings } = this.#parts;
    const envelope = seal(place, { codec, trace }, message);
    const { batchBytes } = settings().producer;
    if (envelope.bytes > batchBytes)
      throw invalidArgument(
        place,
        `message: ${envelope.bytes} bytes are over the limit of ${batchBytes}; make it smaller, or raise producer.batchBytes and the topic's max.message.bytes`,
      );
    return envelope;
  }

  async #checkPartitions(full: string, envelopes: readonly Envelope[]): Promise<void> {
    const count = await this.#parts.topics.partitions(full);
    for (const { partition } of envelopes)
      if (partition !== undefined && partition >= count) throw this.#noPartition(full, partition, count);
  }

  #noPartition(full: string, partition: number, count: number): Error {
    return invalidArgument(this.#parts.place, `partition: ${full} has ${count}, there is no ${partition}`);
  }

  #enqueue(
    topic: string,
    full: string,
    envelopes: readonly Envelope[],
    sends: QueuedSend[],
  ): Promise<SendReceipt[]> {
    return new Promise((resolve, reject) => {
      const receipts: SendReceipt[] = [];
      let missing = envelopes.length;
      envelopes.forEach((envelope, index) => {
        this.#bufferedBytes += envelope.bytes;
        const send = new QueuedSend(envelope, (error, at) => {
          this.#bufferedBytes -= envelope.bytes;
          if (error !== undefined || at === undefined) {
            for (const other of sends) other.cancelled = true; // the next request would overtake this one
            return reject(error ?? new Error('no receipt'));
          }
          receipts[index] = { topic, ...at };
          if (--missing === 0) resolve(receipts);
        });
        sends.push(send);
      });
      this.#queue(full).add(sends, false);
    });
  }

  #queue(full: string): TopicQueue {
    let queue = this.#queues.get(full);
    if (queue === undefined) {
      const { lingerMs, batchBytes } = this.#parts.settings().producer;
      const fly = (batch: readonly QueuedSend[]): Promise<void> => this.#fly(full, batch);
      queue = new TopicQueue({ clock: this.#parts.clock, lingerMs, batchBytes, fly });
      this.#queues.set(full, queue);
    }
    return queue;
  }

  /** A request belongs to several callers: it runs outside the context of the one who happened to come first. */
  #fly(full: string, batch: readonly QueuedSend[]): Promise<void> {
    return InfraContext.detach(() => this.#produce(full, batch));
  }

  async #produce(full: string, batch: readonly QueuedSend[]): Promise<void> {
    const { driver, runner, topics, settings } = this.#parts;
    const going = batch.filter((send) => !send.cancelled);
    if (going.length < batch.length) {
      const gone = new Error('its caller no longer waits'); // an error costs more than all else here: made when needed
      for (const send of batch) if (send.cancelled) send.settle(gone);
    }
    if (going.length === 0) return;
    try {
      await runner.run('produce', { limitMs: settings().producer.timeoutMs }, async (call) => {
        const count = await topics.partitions(full);
        const sends = going.filter((send) => this.#fits(full, send, count));
        if (sends.length === 0) return;
        const records = sends.map(({ envelope }) => this.#record(envelope, count));
        const offsets = await driver.produce(full, records, call);
        sends.forEach((send, index) =>
          send.settle(undefined, {
            partition: records[index]?.partition ?? 0,
            offset: offsets[index] ?? -1n,
          }),
        );
      });
    } catch (error) {
      if (runner.codeOf(error) === 'NOT_FOUND') topics.forget(full);
      for (const send of going) send.settle(runner.failure('produce', error));
    }
  }

  #fits(full: string, { envelope, settle }: QueuedSend, count: number): boolean {
    const { partition = 0 } = envelope;
    if (partition >= count) settle(this.#noPartition(full, partition, count));
    return partition < count;
  }

  #record({ key, value, headers, partition, timestamp }: Envelope, count: number): NewRecord {
    const chosen = partition ?? (key === null ? this.#turn++ % count : partitionOfKey(key, count));
    return { partition: chosen, key, value, headers, timestamp };
  }

  #count(topic: string, outcome: string, messages: number, started: number): void {
    if (outcome === 'ok') this.#sent += messages;
    else this.#failed += messages;
    const labels = { mq: this.#parts.place.name, topic, outcome };
    sentCounter.add(messages, labels);
    sendDuration.record((performance.now() - started) / 1000, labels);
  }
}
