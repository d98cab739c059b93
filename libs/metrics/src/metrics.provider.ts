import type {
  Counter,
  Gauge,
  Histogram,
  Meter,
  MetricOptions,
  ObservableCallback,
  ObservableGauge,
  Span,
  SpanOptions,
  Tracer,
  UpDownCounter,
} from '@opentelemetry/api';
import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';

export interface InstrumentOptions extends MetricOptions {
  /** Series that this instrument may have, below the configuration's own bound. */
  readonly maxCardinality?: number | undefined;
}

export interface HistogramOptions extends InstrumentOptions {
  /** Upper bounds, rising, in the unit of the instrument. */
  readonly buckets?: readonly number[] | undefined;
}

export interface TracedOptions extends SpanOptions {
  /** The instrumentation scope; default the service's own. */
  readonly scope?: string | undefined;
}

/** Takes a line of clog, as JSON, towards the collector. Never throws. */
export type LineTaker = (line: string) => void;

/**
 * OpenTelemetry for the whole service: traces, metrics and logs by its own SDK, which this component starts and stops.
 *
 * The SDK belongs to the process: the first that is made starts it and puts it under OpenTelemetry's globals, where every
 * component of the suite finds it; others that are made meanwhile share it, with the settings of the first; the last that
 * closes ends it.
 *
 * Instruments are OpenTelemetry's own. One name gives one instrument. The series of an instrument are bounded
 * (`maxCardinality`, default 2,000): what goes beyond is one series whose label values are `other`, and sums are kept.
 * An instrument never throws, before, while and after.
 */
export abstract class MetricsProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** Present where clog's lines are exported. */
  abstract readonly lines: LineTaker | undefined;

  abstract counter(name: string, options?: InstrumentOptions): Counter;
  abstract upDownCounter(name: string, options?: InstrumentOptions): UpDownCounter;
  /** Without `buckets`, OpenTelemetry's default ones, which fit milliseconds. */
  abstract histogram(name: string, options?: HistogramOptions): Histogram;
  abstract gauge(name: string, options?: InstrumentOptions): Gauge;
  /** `callback` is asked at each collection. */
  abstract observableGauge(
    name: string,
    callback: ObservableCallback,
    options?: MetricOptions,
  ): ObservableGauge;

  /** For everything else that OpenTelemetry offers. Default scope: the service's name. */
  abstract meter(scope?: string): Meter;
  abstract tracer(scope?: string): Tracer;

  /** Runs `fn` inside a span, which ends when the promise settles. An error is recorded and comes out as that same object. */
  abstract span<T>(name: string, fn: (span: Span) => Promise<T>, options?: TracedOptions): Promise<T>;

  /** All instruments in Prometheus' text format. FAILED_PRECONDITION where `metrics.exporter` has no prometheus in it. */
  abstract scrape(options?: CallOptions): Promise<string>;

  /** Sends what waits. UNAVAILABLE when a collector does not take it. */
  abstract forceFlush(options?: CallOptions): Promise<void>;

  /**
   * The same as `close`, with a limit of its own (default `shutdownTimeoutMs`): what waits is sent; at the limit it
   * resolves all the same and logs what was dropped. Never rejects.
   */
  abstract shutdown(options?: CallOptions): Promise<void>;

  abstract health(options?: CallOptions): Promise<HealthReport>;
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
