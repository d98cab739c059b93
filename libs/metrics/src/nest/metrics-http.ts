import { Inject, Injectable, type ArgumentsHost, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { trace } from '@opentelemetry/api';
import { addRequestHook, InfraExceptionFilter, problemOf } from '@infra-kit/kernel';
import { DefaultMetricsProvider } from '../default-metrics.provider.js';
import { ServerTelemetry } from '../http/server-telemetry.js';
import { MetricsProvider } from '../metrics.provider.js';
import { METRICS_METRICS, METRICS_SCOPE } from '../metrics.telemetry.js';

/** Records what Nest's own filter would answer with a 5xx on the request's span. */
class RecordingFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    if (error instanceof Error && problemOf(error).body.status >= 500)
      trace.getActiveSpan()?.recordException(error);
    super.catch(error, host);
  }
}

/** Joins telemetry to the HTTP side of an application, when it has one. */
@Injectable()
export class MetricsHttp implements OnModuleInit {
  constructor(
    @Inject(MetricsProvider) private readonly metrics: MetricsProvider,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ApplicationConfig) private readonly nest: ApplicationConfig,
  ) {}

  /** The suite's own filter records by itself; where it is not, ours stands in for Nest's, and is asked last. */
  beforeRoutes(): void {
    const adapter = this.host.httpAdapter;
    if (!adapter || !(this.metrics instanceof DefaultMetricsProvider)) return;
    if (!this.metrics.traces || !this.metrics.config.http.enabled) return;
    const filters = this.nest.getGlobalFilters();
    if (!filters.some((filter) => filter instanceof InfraExceptionFilter))
      filters.unshift(new RecordingFilter(adapter));
  }

  onModuleInit(): void {
    const { metrics } = this;
    const adapter = this.host.httpAdapter;
    if (!adapter || !(metrics instanceof DefaultMetricsProvider)) return;
    const { http, metrics: page } = metrics.config;
    const telemetry = new ServerTelemetry({
      tracer: metrics.traces ? metrics.tracer(METRICS_SCOPE) : undefined,
      duration: metrics.meter(METRICS_SCOPE).createHistogram(METRICS_METRICS.httpServerDuration, {
        unit: 's',
        description: 'Time of a request until its answer has been sent',
        advice: { explicitBucketBoundaries: http.buckets },
      }),
      enabled: http.enabled,
      ignorePaths: http.ignorePaths,
      page:
        metrics.page !== undefined && page.port === undefined
          ? { path: page.path, text: metrics.page }
          : undefined,
    });
    addRequestHook(adapter, telemetry.hook);
  }
}
