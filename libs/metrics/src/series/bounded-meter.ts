import {
  createNoopMeter,
  type Attributes,
  type BatchObservableCallback,
  type Context,
  type Counter,
  type Gauge,
  type Histogram,
  type Meter,
  type MeterOptions,
  type MeterProvider,
  type MetricOptions,
  type Observable,
  type UpDownCounter,
} from '@opentelemetry/api';
import { BoundedObservable, BoundedResult, type Beyond } from './bounded-observable.js';
import { LabelBound } from './label-bound.js';
import type { ViewTable } from './view-table.js';

type Recorder = (value: number, attributes?: Attributes, context?: Context) => void;

function bounded(record: Recorder, bound: LabelBound): Recorder {
  return (value, attributes, context) => record(value, bound.of(attributes), context);
}

interface Planned {
  readonly name: string;
  readonly options: MetricOptions;
  readonly bound: LabelBound;
  /** Where the instrument is made: nowhere, when a view leaves it out. */
  readonly meter: Meter;
}

/** Makes the instruments of one scope as the views want them. One name has one bound, however often it is made. */
class BoundedMeter implements Meter {
  readonly #bounds = new Map<string, LabelBound>();
  readonly #batches = new Map<BatchObservableCallback, BatchObservableCallback>();

  constructor(
    private readonly inner: Meter,
    private readonly scope: string,
    private readonly views: ViewTable,
  ) {}

  createCounter(name: string, options?: MetricOptions): Counter {
    const { bound, meter, ...plan } = this.#plan(name, options);
    const counter = meter.createCounter(plan.name, plan.options);
    return { add: bounded((...args) => counter.add(...args), bound) };
  }
  createUpDownCounter(name: string, options?: MetricOptions): UpDownCounter {
    const { bound, meter, ...plan } = this.#plan(name, options);
    const counter = meter.createUpDownCounter(plan.name, plan.options);
    return { add: bounded((...args) => counter.add(...args), bound) };
  }
  createHistogram(name: string, options?: MetricOptions): Histogram {
    const { bound, meter, ...plan } = this.#plan(name, options);
    const histogram = meter.createHistogram(plan.name, plan.options);
    return { record: bounded((...args) => histogram.record(...args), bound) };
  }
  createGauge(name: string, options?: MetricOptions): Gauge {
    const { bound, meter, ...plan } = this.#plan(name, options);
    const gauge = meter.createGauge(plan.name, plan.options);
    return { record: bounded((...args) => gauge.record(...args), bound) };
  }

  createObservableGauge(name: string, options?: MetricOptions): Observable {
    return this.#observable(name, options, 'last', (meter, ...made) => meter.createObservableGauge(...made));
  }
  createObservableCounter(name: string, options?: MetricOptions): Observable {
    return this.#observable(name, options, 'sum', (meter, ...made) => meter.createObservableCounter(...made));
  }
  createObservableUpDownCounter(name: string, options?: MetricOptions): Observable {
    return this.#observable(name, options, 'sum', (meter, ...made) =>
      meter.createObservableUpDownCounter(...made),
    );
  }

  addBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    const batch: BatchObservableCallback = async (result) => {
      const within = new Map<Observable, BoundedResult>();
      for (const one of observables)
        if (one instanceof BoundedObservable) {
          const report = (value: number, labels: Attributes): void =>
            result.observe(one.inner, value, labels);
          within.set(one, new BoundedResult(report, one.bound, one.kind));
        }
      await callback({
        observe: (metric, value, attributes) => within.get(metric)?.observe(value, attributes),
      });
      for (const one of within.values()) one.end();
    };
    this.#batches.set(callback, batch);
    this.inner.addBatchObservableCallback(batch, innerOf(observables));
  }

  removeBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    const batch = this.#batches.get(callback);
    this.#batches.delete(callback);
    if (batch !== undefined) this.inner.removeBatchObservableCallback(batch, innerOf(observables));
  }

  #observable(
    name: string,
    options: MetricOptions | undefined,
    kind: Beyond,
    create: (meter: Meter, name: string, options: MetricOptions) => Observable,
  ): Observable {
    const { bound, meter, ...plan } = this.#plan(name, options);
    return new BoundedObservable(create(meter, plan.name, plan.options), bound, kind);
  }

  #plan(name: string, given: MetricOptions | undefined): Planned {
    const plan = this.views.planOf(this.scope, name, given);
    const meter = plan === undefined ? createNoopMeter() : this.inner;
    const { options = {}, labels = { max: 1, keep: [] } } = plan ?? {};
    const bound = this.#bounds.get(name) ?? new LabelBound(labels);
    this.#bounds.set(name, bound);
    return { name: plan?.name ?? name, options, bound, meter };
  }
}

const innerOf = (observables: readonly Observable[]): Observable[] =>
  observables.filter((one) => one instanceof BoundedObservable).map(({ inner }) => inner);

/** A MeterProvider whose instruments keep their series bounded, and follow the configured views. */
export class BoundedMeterProvider implements MeterProvider {
  readonly #meters = new Map<string, Meter>();

  constructor(
    private readonly inner: MeterProvider,
    private readonly views: ViewTable,
  ) {}

  getMeter(name: string, version?: string, options?: MeterOptions): Meter {
    const key = `${name}\u0000${version ?? ''}`;
    let meter = this.#meters.get(key);
    if (meter === undefined)
      this.#meters.set(
        key,
        (meter = new BoundedMeter(this.inner.getMeter(name, version, options), name, this.views)),
      );
    return meter;
  }
}
