import { lazyCounter, lazyHistogram } from '@infra-kit/kernel';

export const OUTBOX_SCOPE = '@infra-kit/outbox';

/** Names of what the component emits. Labels are bounded: never a key or an id. */
export const OUTBOX_METRICS = {
  /** Counter. Messages that have committed. */
  published: 'infra.outbox.published',
  /** Counter. Messages that were acknowledged, by `topic`. */
  sent: 'infra.outbox.sent',
  /** Counter. Tries that failed for a message's own reasons, by `topic`, `code` and `parked`. */
  failed: 'infra.outbox.failed',
  /** Histogram, seconds. From when a message was due to its acknowledgement, by `topic`. */
  delay: 'infra.outbox.delay',
  /** Counter. Runs of the inbox by `consumer` and `outcome`: ran, repeated. */
  handled: 'infra.outbox.inbox',
  /** Gauge. Messages that are committed and not sent. */
  pending: 'infra.outbox.pending',
  /** Gauge. Messages that were given up. */
  parked: 'infra.outbox.parked',
  /** Gauge, seconds. Since the oldest pending message became due. */
  oldestAge: 'infra.outbox.oldest_age',
} as const;

/** Names of the labels; `outbox` is the instance's name. */
export const OUTBOX_LABELS = {
  outbox: 'outbox',
  topic: 'topic',
  code: 'code',
  parked: 'parked',
  consumer: 'consumer',
  outcome: 'outcome',
} as const;

const unit = '{message}';
const published = lazyCounter(OUTBOX_SCOPE, OUTBOX_METRICS.published, { unit });
const sent = lazyCounter(OUTBOX_SCOPE, OUTBOX_METRICS.sent, { unit });
const failed = lazyCounter(OUTBOX_SCOPE, OUTBOX_METRICS.failed, { unit });
const handled = lazyCounter(OUTBOX_SCOPE, OUTBOX_METRICS.handled, { unit });
const delay = lazyHistogram(OUTBOX_SCOPE, OUTBOX_METRICS.delay, {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600, 3600] },
});

/** What one instance has done since it was made, told to OpenTelemetry as well. */
export class OutboxCounts {
  readonly #outbox: string;
  sentHere = 0;
  failedHere = 0;

  constructor(outbox: string) {
    this.#outbox = outbox;
  }

  published(count: number): void {
    published.add(count, { outbox: this.#outbox });
  }

  sent(topic: string, ageMs: number): void {
    this.sentHere++;
    sent.add(1, { outbox: this.#outbox, topic });
    delay.record(Math.max(0, ageMs) / 1000, { outbox: this.#outbox, topic });
  }

  failed(topic: string, parked: boolean, code: string): void {
    this.failedHere++;
    failed.add(1, { outbox: this.#outbox, topic, code, parked });
  }

  handled(consumer: string, ran: boolean): void {
    handled.add(1, { outbox: this.#outbox, consumer, outcome: ran ? 'ran' : 'repeated' });
  }
}
