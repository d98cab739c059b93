import { ProxyTracerProvider, trace } from '@opentelemetry/api';
import { lazyCounter, lazyHistogram } from '@infra-kit/kernel';

/** Scope of the instruments and of the tracer. */
export const MQ_SCOPE = '@infra-kit/mq';

/** Names of what an mq emits. Labels are bounded: topics and groups, never a key or an offset. */
export const MQ_METRICS = {
  /** Counter. Messages sent, by `topic` and `outcome` (ok, or the error's code). */
  sent: 'infra.mq.sent',
  /** Histogram, seconds. From the call of `send` to the acknowledgement, by `topic` and `outcome`. */
  sendDuration: 'infra.mq.send.duration',
  /** Counter. Messages finished, by `topic`, `group` and `outcome`: ok, retry, dead-letter. */
  consumed: 'infra.mq.consumed',
  /** Histogram, seconds. One run of a handler, by `topic`, `group` and `outcome`: ok, failed. */
  handleDuration: 'infra.mq.handle.duration',
  /** Counter. Consumers begun anew after they had crashed, by `group`. */
  restarts: 'infra.mq.consumer.restarts',
  /** Counter. Assignments taken, by `group`. */
  rebalances: 'infra.mq.consumer.rebalances',
} as const;

/** Names of the labels; `mq` is the instance's name. */
export const MQ_LABELS = { mq: 'mq', topic: 'topic', group: 'group', outcome: 'outcome' } as const;

const counter = (name: string, unit: string, description: string): ReturnType<typeof lazyCounter> =>
  lazyCounter(MQ_SCOPE, name, { unit, description });

const seconds = (name: string, description: string): ReturnType<typeof lazyHistogram> =>
  lazyHistogram(MQ_SCOPE, name, {
    unit: 's',
    description,
    advice: {
      explicitBucketBoundaries: [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60,
      ],
    },
  });

export const sentCounter = counter(MQ_METRICS.sent, '{message}', 'Messages sent, by outcome');
export const consumedCounter = counter(MQ_METRICS.consumed, '{message}', 'Messages finished, by outcome');
export const restartsCounter = counter(
  MQ_METRICS.restarts,
  '{restart}',
  'Consumers begun anew after a crash',
);
export const rebalancesCounter = counter(MQ_METRICS.rebalances, '{rebalance}', 'Assignments taken');
export const sendDuration = seconds(MQ_METRICS.sendDuration, 'Time from send to acknowledgement');
export const handleDuration = seconds(MQ_METRICS.handleDuration, 'Time of one run of a handler');

/** False while nobody has installed a tracer: spans would be made for nothing, for every message. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(MQ_SCOPE) !== undefined;
}
