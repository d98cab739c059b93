import type { Clock, Logger } from '@infra-kit/kernel';
import {
  attemptsBefore,
  deadHeaders,
  describeError,
  firstFailedAt,
  originOf,
  retryHeaders,
  triesBefore,
  type FailureRecord,
} from '../dead-letters/failure-headers.js';
import type { MqPlace } from '../mq.errors.js';
import { consumedCounter } from '../mq.telemetry.js';
import type { Producer } from '../producing/producer.js';
import { retryTopic, type TopicNames } from '../producing/topic-names.js';
import { Incoming } from './incoming.js';
import type { Delivery } from './partition-run.js';
import type { Progress } from './progress.js';
import { backoff, nextStep } from './retry-plan.js';
import type { SettledOptions } from './settled-options.js';

export interface FailureParts {
  readonly place: MqPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly names: TopicNames;
  readonly producer: Producer;
  readonly options: SettledOptions;
}

export interface FailureCause {
  readonly error: unknown;
  readonly fatal: boolean;
}

/** What became of the messages. */
export class HandlingCounts {
  processed = 0;
  failed = 0;
  retried = 0;
  deadLettered = 0;
}

export function countConsumed(
  { place, options }: Pick<FailureParts, 'place' | 'options'>,
  topic: string,
  outcome: string,
): void {
  consumedCounter.add(1, { mq: place.name, topic, group: options.group, outcome });
}

/** What becomes of messages that failed: another try, a retry topic, the dead letters. */
export class Failures {
  readonly #parts: FailureParts;
  readonly #counts: HandlingCounts;

  constructor(parts: FailureParts, counts: HandlingCounts) {
    this.#parts = parts;
    this.#counts = counts;
  }

  /** After how long it is tried again here; undefined: it leaves, by `putAside`. */
  decide(delivery: Delivery, progress: Progress, { error, fatal }: FailureCause): number | undefined {
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
      this.#counts.retried++;
      const { incoming } = progress;
      if (incoming !== undefined)
        progress.incoming = new Incoming(incoming, delivery.record, incoming.value, incoming.attempt + 1);
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
    return undefined;
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

  /** Puts the message where it goes from here. 0: it is there. Else when to try that again. */
  async putAside(delivery: Delivery, progress: Progress): Promise<number> {
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
    if (leaving.outcome === 'retry') this.#counts.retried++;
    else this.#counts.deadLettered++;
    countConsumed(this.#parts, names.own(run.topic) ?? run.topic, leaving.outcome);
    return 0;
  }
}
