import { context, logs, metrics, propagation, trace } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { defaultResource, resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, type LogRecordProcessor } from '@opentelemetry/sdk-logs';
import { PeriodicExportingMetricReader, type IMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import { envText, type Clock, type Logger } from '@infra-kit/kernel';
import { METRICS_SCOPE } from '../metrics.telemetry.js';
import type { SettledMetricsConfig } from '../parse-metrics-config.js';
import { observeProcess } from '../process/process-metrics.js';
import { BoundedMeterProvider } from '../series/bounded-meter.js';
import { ViewTable } from '../series/view-table.js';
import { ContextIdGenerator } from './context-id-generator.js';
import { countedLogs, countedSpans, leaving, Queue } from './counted-processor.js';
import { ExportWatch } from './export-watch.js';
import { HotSampler } from './hot-sampler.js';
import { lineTaker } from './log-lines.js';
import { exportLimitMs, otlpTarget } from './otlp-target.js';
import { PullReader } from './pull-reader.js';
import type { RunningSdk } from './running-sdk.js';
import { watchedLogs, watchedMetrics, watchedSpans, type WatchedOptions } from './watched-exporter.js';

export interface SdkSetting {
  readonly env: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly instanceId: string;
}

/** More than the bound of our own, so that the SDK's never comes into play. */
const NO_LIMIT = 2 ** 30;
const QUEUE = 2048;
const BATCH = 512;
const INTERVAL_MS = 60_000;
/** The exporter says why it failed; the processor behind it would only say that time is over. */
const BATCH_MARGIN_MS = 2000;

function resourceOf(config: SettledMetricsConfig, { env, instanceId }: SdkSetting): Resource {
  return defaultResource().merge(
    resourceFromAttributes({
      'service.instance.id': instanceId,
      'deployment.environment.name': env,
      ...config.resource,
      'service.name': config.serviceName,
      ...(config.serviceVersion !== undefined && { 'service.version': config.serviceVersion }),
    }),
  );
}

function zipkinExporter({ traces }: SettledMetricsConfig): SpanExporter {
  return new ZipkinExporter(traces.endpoint === undefined ? {} : { url: traces.endpoint });
}

/** A size from one of OpenTelemetry's variables. */
function sized(name: string, otherwise: number): number {
  const size = Number(envText(name));
  return size >= 1 ? size : otherwise;
}

function spanProcessors(config: SettledMetricsConfig, watched: WatchedOptions): SpanProcessor[] {
  const { exporter } = config.traces;
  if (exporter === 'none') return [];
  if (exporter === 'console') return [new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })];
  const maxQueueSize = sized('OTEL_BSP_MAX_QUEUE_SIZE', QUEUE);
  const queue = new Queue('spans', watched.watch, maxQueueSize);
  const sender =
    exporter === 'zipkin' ? zipkinExporter(config) : new OTLPTraceExporter(otlpTarget(config, 'traces'));
  const batch = new BatchSpanProcessor({
    exporter: leaving(watchedSpans(sender, watched), queue),
    maxQueueSize,
    maxExportBatchSize: sized('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', Math.min(BATCH, maxQueueSize)),
    scheduledDelayMillis: sized('OTEL_BSP_SCHEDULE_DELAY', 5000),
    exportTimeoutMillis: watched.limitMs + BATCH_MARGIN_MS,
  });
  return [countedSpans(batch, queue)];
}

function metricReaders(
  config: SettledMetricsConfig,
  watched: WatchedOptions,
  page: PullReader | undefined,
): IMetricReader[] {
  const { exporter, intervalMs = INTERVAL_MS } = config.metrics;
  const readers: IMetricReader[] = page === undefined ? [] : [page];
  if (exporter !== 'otlp' && exporter !== 'both') return readers;
  const push = new PeriodicExportingMetricReader({
    exporter: watchedMetrics(new OTLPMetricExporter(otlpTarget(config, 'metrics')), watched),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(watched.limitMs, intervalMs),
    cardinalityLimits: { default: NO_LIMIT },
  });
  return [...readers, push];
}

function logProcessors(config: SettledMetricsConfig, watched: WatchedOptions): LogRecordProcessor[] {
  if (config.logs.exporter === 'none') return [];
  const maxQueueSize = sized('OTEL_BLRP_MAX_QUEUE_SIZE', QUEUE);
  const queue = new Queue('logs', watched.watch, maxQueueSize);
  const batch = new BatchLogRecordProcessor({
    exporter: leaving(watchedLogs(new OTLPLogExporter(otlpTarget(config, 'logs')), watched), queue),
    maxQueueSize,
    maxExportBatchSize: Math.min(BATCH, maxQueueSize),
    scheduledDelayMillis: sized('OTEL_BLRP_SCHEDULE_DELAY', 1000),
  });
  return [countedLogs(batch, queue)];
}

/** Starts the SDK of the process and puts it under OpenTelemetry's globals. */
export function startSdk(config: SettledMetricsConfig, setting: SdkSetting): RunningSdk {
  const watch = new ExportWatch(setting);
  const watched = { watch, limitMs: exportLimitMs(config) };
  const sampler = new HotSampler(config.traces.sampler, config.traces.ratio);
  const hasPage = config.metrics.exporter === 'prometheus' || config.metrics.exporter === 'both';
  const page = hasPage ? new PullReader(NO_LIMIT) : undefined;
  const spans = spanProcessors(config, watched);
  const readers = metricReaders(config, watched, page);
  const records = logProcessors(config, watched);
  const sdk = new NodeSDK({
    autoDetectResources: false,
    resource: resourceOf(config, setting),
    instrumentations: [],
    spanProcessors: spans,
    metricReaders: readers,
    logRecordProcessors: records,
    sampler,
    idGenerator: new ContextIdGenerator(),
  });
  sdk.start();
  const disabled = envText('OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
  const meters = readers.length > 0 && !disabled ? boundMeters(config) : metrics.getMeterProvider();
  const stopObserving = config.process.enabled && !disabled ? observeProcess(meters) : undefined;
  const flushAll = async (): Promise<void> => {
    const sources = disabled ? [] : [...spans, ...readers, ...records];
    await Promise.allSettled(sources.map((each) => each.forceFlush()));
  };

  return {
    meters,
    tracers: spans.length > 0 && !disabled ? trace.getTracerProvider() : undefined,
    lines: records.length > 0 && !disabled ? lineTaker(logs.getLogger(METRICS_SCOPE)) : undefined,
    page: page && (disabled ? async () => '' : () => page.text()),
    setRatio: (ratio) => sampler.setRatio(ratio),
    flush: async () => {
      const { lost } = watch;
      await flushAll();
      if (watch.lost > lost) throw new Error(watch.reason);
    },
    shutdown: async (limitMs) => {
      stopObserving?.();
      const limit = Promise.withResolvers<void>();
      const timer = setTimeout(limit.resolve, limitMs);
      // every signal has its time, although another fails; what failed the watch knows
      const ended = flushAll().then(() => sdk.shutdown().catch(() => undefined));
      await Promise.race([ended, limit.promise]);
      clearTimeout(timer);
      removeGlobals();
      return watch.undelivered();
    },
  };
}

/** The SDK's own MeterProvider, with bounded series, takes its place under the global. */
function boundMeters({ views, metrics: { maxCardinality } }: SettledMetricsConfig): BoundedMeterProvider {
  const bounded = new BoundedMeterProvider(metrics.getMeterProvider(), new ViewTable(views, maxCardinality));
  metrics.disable();
  metrics.setGlobalMeterProvider(bounded);
  return bounded;
}

function removeGlobals(): void {
  trace.disable();
  metrics.disable();
  logs.disable();
  context.disable();
  propagation.disable();
}
