import { createNoopMeter, metrics, type MeterProvider, type ObservableResult } from '@opentelemetry/api';
import { lazyCounter, lazyHistogram } from '@infra-kit/kernel';

/** Scope of the instruments. */
export const BREAKER_SCOPE = '@infra-kit/breaker';

/** Names of what breakers emit. */
export const BREAKER_METRICS = {
  /** Counter. Calls by `outcome`: see `BreakerOutcome`. */
  calls: 'infra.breaker.calls',
  /** Histogram, seconds. Calls that were let through, by `outcome`. */
  duration: 'infra.breaker.call.duration',
  /** Gauge. 0 closed, 1 half-open, 2 open, 3 isolated, 4 disabled. */
  state: 'infra.breaker.state',
  /** Counter. Changes, by `state` entered and `reason`. */
  changes: 'infra.breaker.state.changes',
  /** Counter. Exchanges of views with the other instances, by `outcome`: ok, failed. */
  exchanges: 'infra.breaker.share.exchanges',
} as const;

/** Names of the labels; `breaker` is a breaker's name, `provider` the instance of the component. */
export const BREAKER_LABELS = {
  breaker: 'breaker',
  provider: 'provider',
  outcome: 'outcome',
  state: 'state',
  reason: 'reason',
} as const;

/**
 * How a call ended: `tolerated` is an error that counts as success, `rejected` was turned away by the circuit, `full` by
 * `maxConcurrent`.
 */
export type BreakerOutcome =
  'success' | 'failure' | 'timeout' | 'tolerated' | 'ignored' | 'cancelled' | 'rejected' | 'full';

export const STATE_VALUES = { closed: 0, 'half-open': 1, open: 2, isolated: 3, disabled: 4 } as const;

const counter = (name: string, unit: string, description: string): ReturnType<typeof lazyCounter> =>
  lazyCounter(BREAKER_SCOPE, name, { unit, description });

export const callsCounter = counter(BREAKER_METRICS.calls, '{call}', 'Calls by outcome');
export const changesCounter = counter(BREAKER_METRICS.changes, '{change}', 'Changes of state');
export const exchangesCounter = counter(BREAKER_METRICS.exchanges, '{exchange}', 'Exchanges of views');
export const durationHistogram = lazyHistogram(BREAKER_SCOPE, BREAKER_METRICS.duration, {
  unit: 's',
  description: 'Time of a call that was let through',
  advice: {
    explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
});

/**
 * Knows whether anybody measures, so that calls read no clock when nobody does, and keeps the gauge of states with the
 * MeterProvider of the moment.
 */
export class BreakerMeter {
  readonly #observe: (result: ObservableResult) => void;
  #provider: MeterProvider | undefined;
  #on = false;
  #detach: (() => void) | undefined;

  constructor(observe: (result: ObservableResult) => void) {
    this.#observe = observe;
  }

  /** False while no MeterProvider is installed. */
  get on(): boolean {
    const current = metrics.getMeterProvider();
    if (current !== this.#provider) this.#follow(current);
    return this.#on;
  }

  stop(): void {
    this.#detach?.();
    this.#detach = undefined;
  }

  #follow(provider: MeterProvider): void {
    this.stop();
    this.#provider = provider;
    const meter = provider.getMeter(BREAKER_SCOPE);
    this.#on = meter !== createNoopMeter();
    if (!this.#on) return;
    const gauge = meter.createObservableGauge(BREAKER_METRICS.state, { description: 'State of a breaker' });
    gauge.addCallback(this.#observe);
    this.#detach = () => gauge.removeCallback(this.#observe);
  }
}
