import {
  context,
  trace,
  type Counter,
  type Gauge,
  type Histogram,
  type Meter,
  type ObservableCallback,
  type ObservableGauge,
  type Span,
  type Tracer,
  type UpDownCounter,
} from '@opentelemetry/api';
import { isInfraError, withDeadline, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import { recordFailure } from './failure.js';
import { metricsClosed, metricsError } from './metrics.errors.js';
import {
  MetricsProvider,
  type HistogramOptions,
  type InstrumentOptions,
  type LineTaker,
  type TracedOptions,
} from './metrics.provider.js';
import type { SettledMetricsConfig } from './parse-metrics-config.js';
import type { RunningSdk } from './sdk/running-sdk.js';
import { callerContext } from './span-parent.js';

export interface MetricsParts {
  readonly name: string;
  readonly config: SettledMetricsConfig;
  readonly sdk: RunningSdk;
  /** Ends the component within the time given, in milliseconds. */
  readonly end: (limitMs: number) => Promise<void>;
  /** Port of the page, where it has one of its own. */
  readonly port: () => number | undefined;
}

const SCRAPE_LIMIT_MS = 10_000;

export class DefaultMetricsProvider extends MetricsProvider {
  override readonly name: string;
  readonly config: SettledMetricsConfig;
  readonly #parts: MetricsParts;
  readonly #instruments = new Map<string, unknown>();
  #closed = false;

  constructor(parts: MetricsParts) {
    super();
    this.name = parts.name;
    this.config = parts.config;
    this.#parts = parts;
  }

  override get lines(): LineTaker | undefined {
    return this.#parts.sdk.lines;
  }

  /** Whether spans are made at all. */
  get traces(): boolean {
    return this.#parts.sdk.tracers !== undefined && !this.#closed;
  }

  /** The text of the Prometheus page, where there is one. */
  get page(): (() => Promise<string>) | undefined {
    return this.#parts.sdk.page;
  }

  override counter(name: string, options?: InstrumentOptions): Counter {
    return this.#once(`counter ${name}`, () => this.meter().createCounter(name, options));
  }
  override upDownCounter(name: string, options?: InstrumentOptions): UpDownCounter {
    return this.#once(`upDownCounter ${name}`, () => this.meter().createUpDownCounter(name, options));
  }
  override histogram(name: string, { buckets, ...options }: HistogramOptions = {}): Histogram {
    const advice = buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...buckets] } };
    return this.#once(`histogram ${name}`, () =>
      this.meter().createHistogram(name, { ...options, ...advice }),
    );
  }
  override gauge(name: string, options?: InstrumentOptions): Gauge {
    return this.#once(`gauge ${name}`, () => this.meter().createGauge(name, options));
  }
  override observableGauge(
    name: string,
    callback: ObservableCallback,
    options?: InstrumentOptions,
  ): ObservableGauge {
    const gauge = this.#once(`observableGauge ${name}`, () =>
      this.meter().createObservableGauge(name, options),
    );
    gauge.addCallback(callback);
    return gauge;
  }

  override meter(scope = this.config.serviceName): Meter {
    return this.#parts.sdk.meters.getMeter(scope);
  }

  override tracer(scope = this.config.serviceName): Tracer {
    return (this.#parts.sdk.tracers ?? trace.getTracerProvider()).getTracer(scope);
  }

  override async span<T>(
    name: string,
    fn: (span: Span) => Promise<T>,
    { scope, ...options }: TracedOptions = {},
  ): Promise<T> {
    this.#mustBeOpen();
    const parent = callerContext();
    const span = this.tracer(scope).startSpan(name, options, parent);
    try {
      return await context.with(trace.setSpan(parent, span), fn, undefined, span);
    } catch (error) {
      recordFailure(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  override async scrape(options?: CallOptions): Promise<string> {
    this.#mustBeOpen();
    const { page } = this.#parts.sdk;
    if (page === undefined)
      throw metricsError(
        this.name,
        'FAILED_PRECONDITION',
        "there is no Prometheus page; set metrics.exporter to 'prometheus' or 'both'",
      );
    return withDeadline(options, SCRAPE_LIMIT_MS, this.#operation('scrape'), page);
  }

  override async forceFlush(options?: CallOptions): Promise<void> {
    this.#mustBeOpen();
    const { sdk, config } = this.#parts;
    const flush = withDeadline(options, config.shutdownTimeoutMs, this.#operation('forceFlush'), () =>
      sdk.flush(),
    );
    await flush.catch((error: unknown) => {
      if (isInfraError(error)) throw error;
      const what = 'the collector does not take the telemetry; look at its address and its health';
      throw metricsError(this.name, 'UNAVAILABLE', what, { cause: error });
    });
  }

  /** From now on every call is FAILED_PRECONDITION. */
  shut(): void {
    this.#closed = true;
  }

  override async shutdown(options?: CallOptions): Promise<void> {
    this.shut();
    await this.#parts.end(options?.timeoutMs ?? this.config.shutdownTimeoutMs);
  }

  override async close(): Promise<void> {
    await this.shutdown();
  }

  override async health(): Promise<HealthReport> {
    const { traces, metrics, logs } = this.config;
    const port = this.#parts.port();
    const detail = {
      driver: `traces ${traces.exporter}, metrics ${metrics.exporter}, logs ${logs.exporter}`,
      ratio: traces.ratio,
      ...(port !== undefined && { port }),
    };
    if (this.#closed) return { status: 'down', detail: { ...detail, error: 'closed' } };
    return { status: 'up', detail };
  }

  #operation(method: string): string {
    return this.name === 'default' ? `metrics.${method}` : `metrics(${this.name}).${method}`;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw metricsClosed(this.name);
  }

  /** One name gives one instrument: making it anew for each value would cost more than the value. */
  #once<T>(key: string, make: () => T): T {
    if (!this.#instruments.has(key)) this.#instruments.set(key, make());
    return this.#instruments.get(key) as T; // the key says the kind
  }
}
