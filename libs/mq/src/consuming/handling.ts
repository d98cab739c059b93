import { TRACE_ID_HEADER, TRACEPARENT_HEADER, type Clock, type Logger } from '@infra-kit/kernel';
import {
  attemptsBefore,
  deadHeaders,
  describeError,
  dueAt,
  failedGroup,
  firstFailedAt,
  originOf,
  retryHeaders,
  TRIES_HEADER,
  triesBefore,
  type FailureRecord,
} from '../dead-letters/failure-headers.js';
import type { RawHeaders } from '../drivers/mq-driver.js';
import type { MqPlace } from '../mq.errors.js';
import type { MessageContext } from '../mq.messages.js';
import { consumedCounter, handleDuration } from '../mq.telemetry.js';
import { retryTopic, type TopicNames } from '../producing/topic-names.js';
import type { Producer } from '../producing/producer.js';
import { decodeValue } from './decode.js';
import { HandlerCall, inMessageContext } from './handler-call.js';
import { headerText, Incoming } from './incoming.js';
import type { Delivery } from './partition-run.js';
import { backoff, nextStep } from './retry-plan.js';
import type { SettledOptions } from './settled-options.js';

/** Takes no further messages for a while. */
export interface Intake {
  pause(ms: number): Promise<void>;
}
/** Runs a handler where what it calls can find the intake. */
export type AroundHandler = <T>(intake: Intake, handler: () => T) => T;

export interface HandlingParts {
  readonly place: MqPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly names: TopicNames;
  readonly producer: Producer;
  readonly options: SettledOptions;
  /** One message, or several of one partition: what the caller gave to `subscribe`. */
  readonly handler: (messages: readonly Incoming[], context: MessageContext) => Promise<void>;
  readonly around: AroundHandler | undefined;
  readonly intake: Intake;
  readonly finished: (delivery: Delivery) => void;
}

/** How far a message has come; kept while it is tried again. */
interface Progress {
  readonly incoming: Incoming | undefined;
  /** Runs of the handler in this round. */
  tries: number;
  firstFailedAt: Date | undefined;
  /** It has left the handler for good: where it goes, and how often that has failed. */
  leaving:
    | { readonly topic: string; readonly headers: RawHeaders; readonly outcome: string; failures: number }
    | undefined;
}

/** What became of the messages. */
export class HandlingCounts {
  processed = 0;
  failed = 0;
  retried = 0;
  deadLettered = 0;
}

const isRetry = (topic: string, headers: RawHeaders): boolean =>
  headers[TRIES_HEADER] !== undefined && /\.retry\.\d+$/.test(topic);

/** Carries messages through the handler, and through what the policy says when it fails. */
export class Handling {
  readonly counts = new HandlingCounts();
  readonly #parts: HandlingParts;
  readonly #progress = new WeakMap<Delivery, Progress>();
  readonly #calls = new Set<HandlerCall>();

  constructor(parts: HandlingParts) {
    this.#parts = parts;
  }

  /** Aborts every handler that runs; each counts as failed. */
  abortAll(reason: Parameters<HandlerCall['abort']>[0]): void {
    for (const call of this.#calls) call.abort(reason);
  }

  /** One round of a lane: answers after how long it is to be called again with the same messages; undefined: never. */
  async run(deliveries: readonly Delivery[]): Promise<number | undefined> {
    try {
      return await this.#round(deliveries);
    } catch (error) {
      this.#parts.logger.error('a message could not be handled, trying again', { err: error });
      return this.#parts.options.retry.maxBackoffMs;
    }
  }

  async #round(deliveries: readonly Delivery[]): Promise<number | undefined> {
    const open = deliveries.filter(({ run, done }) => run.live && !done);
    const first = open[0];
    if (first === undefined) return undefined;
    const wait = this.#waitFor(first);
    if (wait > 0) return wait;
    const ready: Delivery[] = [];
    const again: number[] = [];
    for (const delivery of open) {
      const ms = await this.#prepare(delivery);
      if (ms === undefined) ready.push(delivery);
      else if (ms > 0) again.push(ms);
    }
    const runnable = ready.filter((delivery) => delivery.run.live);
    if (runnable.length > 0) again.push(...(await this.#call(runnable)));
    return again.length === 0 ? undefined : Math.max(1, ...again);
  }

  /** Of a retry topic's message: until it is due. */
  #waitFor({ record, run }: Delivery): number {
    return isRetry(run.topic, record.headers)
      ? Math.max(0, dueAt(record.headers) - this.#parts.clock.now())
      : 0;
  }

  /** Undefined: ready for the handler. 0: finished. Else when to come again. */
  async #prepare(delivery: Delivery): Promise<number | undefined> {
    const known = this.#progress.get(delivery);
    if (known !== undefined) return known.leaving === undefined ? undefined : this.#leave(delivery, known);
    const { place, options, names } = this.#parts;
    const { run, record } = delivery;
    if (isRetry(run.topic, record.headers) && failedGroup(record.headers) !== options.group) {
      this.#finish(delivery); // another group's retry
      return 0;
    }
    const tries = triesBefore(record.headers);
    const attempt = attemptsBefore(record.headers) + 1;
    const origin = originOf({ topic: names.own(run.topic) ?? run.topic, partition: run.partition }, record);
    try {
      const value = await decodeValue(place, options, record.value);
      const incoming = new Incoming(origin, record, value, attempt);
      this.#progress.set(delivery, { incoming, tries, firstFailedAt: undefined, leaving: undefined });
      return undefined;
    } catch (error) {
      const progress: Progress = {
        incoming: undefined,
        tries: tries + 1,
        firstFailedAt: undefined,
        leaving: undefined,
      };
      this.#progress.set(delivery, progress);
      return this.#failed(delivery, progress, { error, fatal: true });
    }
  }

  async #call(deliveries: readonly Delivery[]): Promise<number[]> {
    const { place, clock, logger, options, handler, around, intake } = this.#parts;
    const messages = deliveries.map((delivery) => this.#incoming(delivery));
    for (const delivery of deliveries) delivery.run.begin(delivery);
    const [first] = deliveries;
    const call = new HandlerCall({
      place,
      clock,
      logger,
      group: options.group,
      timeoutMs: options.handlerTimeoutMs,
    });
    this.#calls.add(call);
    const started = performance.now();
    const topic = messages[0]?.topic ?? '';
    const headers = first?.record.headers ?? {};
    const consumed = {
      topic,
      group: options.group,
      count: messages.length,
      traceparent: headerText(headers, TRACEPARENT_HEADER),
      traceId: headerText(headers, TRACE_ID_HEADER),
    };
    const pausing: Intake = { pause: (ms) => call.paused(intake.pause(ms)) };
    const handled = (): Promise<void> => handler(messages, call);
    let outcome = 'ok';
    try {
      await inMessageContext(consumed, call.signal, () =>
        call.run(() => (around === undefined ? handled() : around(pausing, handled))),
      );
      for (const delivery of deliveries) this.#succeeded(delivery, topic);
      return [];
    } catch (error) {
      outcome = 'failed';
      this.counts.failed++;
      return await this.#allFailed(deliveries, error);
    } finally {
      this.#calls.delete(call);
      const seconds = (performance.now() - started) / 1000;
      handleDuration.record(seconds, { mq: place.name, topic, group: options.group, outcome });
    }
  }

  #incoming(delivery: Delivery): Incoming {
    const incoming = this.#progress.get(delivery)?.incoming;
    if (incoming === undefined) throw new TypeError('a message that does not decode reached the handler');
    return incoming;
  }

  #succeeded(delivery: Delivery, topic: string): void {
    this.counts.processed++;
    this.#count(topic, 'ok');
    this.#finish(delivery);
  }

  async #allFailed(deliveries: readonly Delivery[], error: unknown): Promise<number[]> {
    const fatal = this.#isFatal(error);
    const waits: number[] = [];
    for (const delivery of deliveries) {
      const progress = this.#progress.get(delivery);
      if (progress === undefined || !delivery.run.live) continue;
      progress.tries++;
      const ms = await this.#failed(delivery, progress, { error, fatal });
      if (ms > 0) waits.push(ms);
    }
    return waits;
  }

  #isFatal(error: unknown): boolean {
    try {
      return this.#parts.options.retry.fatal?.(error) === true;
    } catch (problem) {
      this.#parts.logger.error('retry.fatal threw; the error counts as not fatal', { err: problem });
      return false;
    }
  }

  /** 0: finished. Else when to come again. */
  async #failed(
    delivery: Delivery,
    progress: Progress,
    { error, fatal }: { readonly error: unknown; readonly fatal: boolean },
  ): Promise<number> {
    const { options, clock, logger } = this.#parts;
    const failure = this.#failure(delivery, progress, error);
    const about = { topic: failure.topic, partition: failure.partition, offset: String(failure.offset) };
    const dead = options.deadLetterOf(failure.topic);
    const random = Math.random();
    const step = nextStep(options.retry, { tries: progress.tries, fatal, random }, dead !== undefined);
    if (step.kind === 'again') {
      const message = dead === undefined && progress.tries >= options.retry.attempts ? 'error' : 'warn';
      logger[message]('a message failed, it is tried again', {
        ...about,
        attempts: failure.attempts,
        err: error,
      });
      this.counts.retried++;
      this.#again(delivery, progress);
      return Math.max(1, step.afterMs);
    }
    const { headers } = delivery.record;
    if (step.kind === 'retry-topic') {
      const at = { tries: progress.tries, dueAt: clock.now() + step.afterMs };
      const topic = retryTopic(failure.topic, step.level);
      progress.leaving = {
        topic,
        headers: retryHeaders(headers, failure, at),
        outcome: 'retry',
        failures: 0,
      };
      logger.warn('a message failed, it goes to its retry topic', { ...about, to: topic, err: error });
    } else {
      const topic = dead ?? '';
      progress.leaving = {
        topic,
        headers: deadHeaders(headers, failure),
        outcome: 'dead-letter',
        failures: 0,
      };
      logger.error('a message failed for good', {
        ...about,
        to: topic,
        attempts: failure.attempts,
        err: error,
      });
    }
    return this.#leave(delivery, progress);
  }

  #failure(delivery: Delivery, progress: Progress, error: unknown): FailureRecord {
    const { run, record } = delivery;
    const { clock, names, options } = this.#parts;
    const lastFailedAt = new Date(clock.now());
    progress.firstFailedAt ??= firstFailedAt(record.headers) ?? lastFailedAt;
    const attempts = attemptsBefore(record.headers) - triesBefore(record.headers) + progress.tries;
    const place = { topic: names.own(run.topic) ?? run.topic, partition: run.partition };
    return {
      ...originOf(place, record),
      group: options.group,
      attempts,
      firstFailedAt: progress.firstFailedAt,
      lastFailedAt,
      error: describeError(error),
    };
  }

  /** The next try sees its number. */
  #again(delivery: Delivery, progress: Progress): void {
    const { incoming } = progress;
    if (incoming === undefined) return;
    const next = new Incoming(incoming, delivery.record, incoming.value, incoming.attempt + 1);
    this.#progress.set(delivery, { ...progress, incoming: next });
  }

  /** Puts the message where it goes from here; it is finished only when it is there. */
  async #leave(delivery: Delivery, progress: Progress): Promise<number> {
    const { leaving } = progress;
    if (leaving === undefined) return 0;
    const { producer, names, options, logger } = this.#parts;
    const { record, run } = delivery;
    const { key, value } = record;
    // a retry keeps its time; a letter's retention begins now
    const timestamp = leaving.outcome === 'retry' ? record.timestamp : undefined;
    const envelope = { key, value, headers: leaving.headers, partition: undefined, timestamp, bytes: 0 };
    try {
      await producer.dispatch(leaving.topic, names.full(leaving.topic), [envelope], undefined);
    } catch (error) {
      leaving.failures++;
      logger.error('a message could not be put aside, trying again', { to: leaving.topic, err: error });
      return Math.max(1, backoff(options.retry, leaving.failures, 0));
    }
    if (leaving.outcome === 'retry') this.counts.retried++;
    else this.counts.deadLettered++;
    this.#count(names.own(run.topic) ?? run.topic, leaving.outcome);
    this.#finish(delivery);
    return 0;
  }

  #finish(delivery: Delivery): void {
    this.#progress.delete(delivery);
    this.#parts.finished(delivery);
  }

  #count(topic: string, outcome: string): void {
    const { place, options } = this.#parts;
    consumedCounter.add(1, { mq: place.name, topic, group: options.group, outcome });
  }
}
