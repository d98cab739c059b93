import { TRACE_ID_HEADER, TRACEPARENT_HEADER, type InfraError } from '@infra-kit/kernel';
import {
  attemptsBefore,
  dueAt,
  failedGroup,
  originOf,
  TRIES_HEADER,
  triesBefore,
} from '../dead-letters/failure-headers.js';
import type { RawHeaders } from '../drivers/mq-driver.js';
import type { MessageContext } from '../mq.messages.js';
import { handleDuration } from '../mq.telemetry.js';
import { decodeValue } from './decode.js';
import { countConsumed, Failures, HandlingCounts, type FailureCause, type FailureParts } from './failures.js';
import { HandlerCall, HandlerWatch, inMessageContext } from './handler-call.js';
import { headerText, Incoming } from './incoming.js';
import type { Delivery } from './partition-run.js';
import type { Progress } from './progress.js';

/** Takes no further messages for a while. */
export interface Intake {
  pause(ms: number): Promise<void>;
}
/** Runs a handler where what it calls can find the intake. */
export type AroundHandler = <T>(intake: Intake, handler: () => T) => T;

export interface HandlingParts extends FailureParts {
  /** One message, or several of one partition: what the caller gave to `subscribe`. */
  readonly handler: (messages: readonly Incoming[], context: MessageContext) => Promise<void>;
  readonly around: AroundHandler | undefined;
  readonly intake: Intake;
  readonly finished: (delivery: Delivery) => void;
}

const isRetry = (topic: string, headers: RawHeaders): boolean =>
  headers[TRIES_HEADER] !== undefined && /\.retry\.\d+$/.test(topic);

/** Carries messages through the handler, and through what the policy says when it fails. */
export class Handling {
  readonly counts = new HandlingCounts();
  readonly #parts: HandlingParts;
  readonly #failures: Failures;
  readonly #watch: HandlerWatch;

  constructor(parts: HandlingParts) {
    this.#parts = parts;
    this.#failures = new Failures(parts, this.counts);
    this.#watch = new HandlerWatch(parts.clock, parts.place, parts.options.handlerTimeoutMs);
  }

  /** Aborts every handler that runs; each counts as failed. */
  abortAll(reason: InfraError): void {
    this.#watch.abortAll(reason);
  }

  /** One round of a lane: answers after how long it is to be called again with the same messages; undefined: never. */
  async run(deliveries: readonly Delivery[]): Promise<number | undefined> {
    try {
      return await this.#round(deliveries);
    } catch (error) {
      this.#parts.logger.error('a message could not be handled, trying again', { err: error });
      return Math.max(1, this.#parts.options.retry.maxBackoffMs);
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
    const known = delivery.progress;
    if (known?.leaving !== undefined || known?.incoming !== undefined)
      return known.leaving === undefined ? undefined : this.#aside(delivery, known);
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
      delivery.progress = { incoming, tries, firstFailedAt: undefined, leaving: undefined };
      return undefined;
    } catch (error) {
      const progress: Progress = {
        incoming: undefined,
        tries: (known?.tries ?? tries) + 1,
        firstFailedAt: known?.firstFailedAt,
        leaving: undefined,
      };
      delivery.progress = progress;
      return this.#afterFailure(delivery, progress, { error, fatal: true });
    }
  }

  async #call(deliveries: readonly Delivery[]): Promise<number[]> {
    const { place, logger, options, handler, around, intake } = this.#parts;
    const messages = deliveries.map((delivery) => this.#incoming(delivery));
    for (const delivery of deliveries) delivery.run.begin(delivery);
    const [first] = deliveries;
    const call = new HandlerCall(this.#watch, logger);
    this.#watch.add(call);
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
      this.#watch.remove(call);
      const seconds = (performance.now() - started) / 1000;
      handleDuration.record(seconds, { mq: place.name, topic, group: options.group, outcome });
    }
  }

  #incoming(delivery: Delivery): Incoming {
    const incoming = delivery.progress?.incoming;
    if (incoming === undefined) throw new TypeError('a message that does not decode reached the handler');
    return incoming;
  }

  #succeeded(delivery: Delivery, topic: string): void {
    this.counts.processed++;
    countConsumed(this.#parts, topic, 'ok');
    this.#finish(delivery);
  }

  async #allFailed(deliveries: readonly Delivery[], error: unknown): Promise<number[]> {
    const fatal = this.#isFatal(error);
    const waits: number[] = [];
    for (const delivery of deliveries) {
      const progress = delivery.progress;
      if (progress === undefined || !delivery.run.live) continue;
      progress.tries++;
      const ms = await this.#afterFailure(delivery, progress, { error, fatal });
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
  async #afterFailure(delivery: Delivery, progress: Progress, cause: FailureCause): Promise<number> {
    const againMs = this.#failures.decide(delivery, progress, cause);
    return againMs ?? this.#aside(delivery, progress);
  }

  async #aside(delivery: Delivery, progress: Progress): Promise<number> {
    const againMs = await this.#failures.putAside(delivery, progress);
    if (againMs === 0) this.#finish(delivery);
    return againMs;
  }

  #finish(delivery: Delivery): void {
    delivery.progress = undefined;
    this.#parts.finished(delivery);
  }
}
