export { grpcServerHook } from './grpc/grpc-server-hook.js';
export type { GrpcServerSettings } from './grpc/server-call.js';
export { createMetrics, type MetricsDeps } from './create-metrics.js';
export { tracedFetch } from './http/traced-fetch.js';
export {
  defaultMetricsConfig,
  HTTP_BUCKETS,
  HttpTelemetryConfig,
  LogsConfig,
  MetricsConfig,
  MetricsExportConfig,
  ProcessTelemetryConfig,
  TracesConfig,
  ViewConfig,
  type MetricsOptions,
} from './metrics.config.js';
export { MetricsModule } from './metrics.module.js';
export {
  MetricsProvider,
  type HistogramOptions,
  type InstrumentOptions,
  type LineTaker,
  type TracedOptions,
} from './metrics.provider.js';
export { METRICS_METRICS, METRICS_SCOPE, PROCESS_METRICS } from './metrics.telemetry.js';
export { getMetricsToken, InjectMetrics } from './metrics.tokens.js';
export { Counted, Timed, Traced } from './nest/method-decorators.js';
export { parseMetricsConfig } from './parse-metrics-config.js';
