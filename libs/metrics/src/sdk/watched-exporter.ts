import type { LogRecordExporter } from '@opentelemetry/sdk-logs';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { ExportWatch, Signal } from './export-watch.js';

type Done = Parameters<SpanExporter['export']>[1];
type Result = Parameters<Done>[0];

const SUCCESS = 0;
const FAILED = 1;

/** Tells the watch what became of an export, once; one that never answers has failed at the limit. */
class Guard {
  readonly #signal: Signal;
  readonly #watch: ExportWatch;
  readonly #limitMs: number;

  constructor(signal: Signal, watch: ExportWatch, limitMs: number) {
    this.#signal = signal;
    this.#watch = watch;
    this.#limitMs = limitMs;
  }

  run(items: number, done: Done, send: (done: Done) => void): void {
    let over = false;
    const end = (result: Result): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (result.code === SUCCESS) this.#watch.delivered(this.#signal, items);
      else this.#watch.failed(this.#signal, items, result.error ?? new Error('refused'));
      done(result);
    };
    const fail = (error: Error): void => end({ code: FAILED, error });
    const timer = setTimeout(() => fail(new Error(`no answer within ${this.#limitMs} ms`)), this.#limitMs);
    timer.unref();
    try {
      send(end);
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** The exporters' own limits come first; this one is for those that have none. */
const MARGIN_MS = 1000;

export interface WatchedOptions {
  readonly watch: ExportWatch;
  readonly limitMs: number;
}

export function watchedSpans(exporter: SpanExporter, { watch, limitMs }: WatchedOptions): SpanExporter {
  const guard = new Guard('spans', watch, limitMs + MARGIN_MS);
  return {
    export: (spans, done) => guard.run(spans.length, done, (end) => exporter.export(spans, end)),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

export function watchedLogs(
  exporter: LogRecordExporter,
  { watch, limitMs }: WatchedOptions,
): LogRecordExporter {
  const guard = new Guard('logs', watch, limitMs + MARGIN_MS);
  return {
    export: (records, done) => guard.run(records.length, done, (end) => exporter.export(records, end)),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

/** One item is one report of all instruments. */
export function watchedMetrics(
  exporter: Required<PushMetricExporter>,
  { watch, limitMs }: WatchedOptions,
): PushMetricExporter {
  const guard = new Guard('metrics', watch, limitMs + MARGIN_MS);
  return {
    export: (report, done) => {
      watch.accepted('metrics', 1);
      guard.run(1, done, (end) => exporter.export(report, end));
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    selectAggregation: (type) => exporter.selectAggregation(type),
    selectAggregationTemporality: (type) => exporter.selectAggregationTemporality(type),
  };
}
