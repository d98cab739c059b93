import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';

const LONGEST_MS = 2 ** 31 - 1;
const HIGHEST_PORT = 65_535;
const PATH = /^(\/[\w.-]+)+$/;

/** Seconds, as OpenTelemetry's conventions for HTTP advise. */
export const HTTP_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

export class TracesConfig {
  /** Default: OTEL_TRACES_EXPORTER, else otlp where `traces.endpoint` is given, else none. */
  @IsOptional()
  @IsIn(['otlp', 'zipkin', 'console', 'none'])
  exporter: 'otlp' | 'zipkin' | 'console' | 'none' | undefined;

  /** The full URL. Default: `endpoint` and `/v1/traces`, else OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and so on. */
  @IsOptional()
  @IsString()
  endpoint: string | undefined;

  /** `parent-ratio` follows the caller's decision, and decides by `ratio` where there is no caller. Default: OTEL_TRACES_SAMPLER, else parent-ratio. */
  @IsOptional()
  @IsIn(['always', 'never', 'ratio', 'parent-ratio'])
  sampler: 'always' | 'never' | 'ratio' | 'parent-ratio' | undefined;

  /** Part of the traces that is recorded, 0 to 1. Hot. Default: OTEL_TRACES_SAMPLER_ARG, else 1. */
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  ratio: number | undefined;
}

export class MetricsExportConfig {
  /** Default: OTEL_METRICS_EXPORTER, else prometheus. */
  @IsOptional()
  @IsIn(['prometheus', 'otlp', 'both', 'none'])
  exporter: 'prometheus' | 'otlp' | 'both' | 'none' | undefined;

  /** The full URL. Default: `endpoint` and `/v1/metrics`, else OTEL_EXPORTER_OTLP_METRICS_ENDPOINT and so on. */
  @IsOptional()
  @IsString()
  endpoint: string | undefined;

  /** Where the Prometheus page is: on the application's own port, or on `port`. */
  @Matches(PATH, { message: 'path must look like /metrics' })
  path = '/metrics';

  /** A port of its own for the page; 0 takes a free one. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(HIGHEST_PORT)
  port: number | undefined;

  /** The interface that `port` is opened on; default all. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  host: string | undefined;

  /** Between two exports by OTLP. Default: OTEL_METRIC_EXPORT_INTERVAL, else 60,000. */
  @IsOptional()
  @IsInt()
  @Min(10)
  @Max(LONGEST_MS)
  intervalMs: number | undefined;

  /** Series that an instrument may have; what goes beyond is one series more, whose label values are `other`. */
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  maxCardinality = 2000;
}

export class LogsConfig {
  /** `otlp` sends clog's lines. Default: OTEL_LOGS_EXPORTER, else none. */
  @IsOptional()
  @IsIn(['otlp', 'none'])
  exporter: 'otlp' | 'none' | undefined;

  /** The full URL. Default: `endpoint` and `/v1/logs`, else OTEL_EXPORTER_OTLP_LOGS_ENDPOINT and so on. */
  @IsOptional()
  @IsString()
  endpoint: string | undefined;
}

export class HttpTelemetryConfig {
  @IsBoolean()
  enabled = true;

  /** Requests to these paths and below are neither measured nor traced. */
  @IsArray()
  @Matches(/^\//, { each: true, message: 'ignorePaths must begin with /' })
  ignorePaths: string[] = ['/health', '/metrics'];

  /** Upper bounds of the histograms of durations, in seconds. */
  @IsArray()
  @ArrayNotEmpty()
  @IsNumber({}, { each: true })
  buckets: number[] = [...HTTP_BUCKETS];
}

export class ProcessTelemetryConfig {
  /** Event loop, heap, garbage collection and handles. */
  @IsBoolean()
  enabled = true;
}

/** What becomes of the instruments that it selects; the first that fits wins a setting. */
export class ViewConfig {
  /** The name as given, or with `*`. */
  @IsString()
  @MinLength(1)
  instrument = '';

  /** Only those of this scope. */
  @IsOptional()
  @IsString()
  scope: string | undefined;

  /** A new name. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  name: string | undefined;

  @IsOptional()
  @IsString()
  description: string | undefined;

  /** Labels that stay; all others are summed over. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  labels: string[] | undefined;

  /** Upper bounds of a histogram. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsNumber({}, { each: true })
  buckets: number[] | undefined;

  @IsOptional()
  @IsInt()
  @Min(1)
  maxCardinality: number | undefined;

  /** Leaves the instrument out. */
  @IsOptional()
  @IsBoolean()
  drop: boolean | undefined;
}

/** Configuration of metrics. Durations are milliseconds, or texts like '30s'; buckets are seconds. */
export class MetricsConfig {
  /** Default: OTEL_SERVICE_NAME, else the application's name. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  serviceName: string | undefined;

  @IsOptional()
  @IsString()
  @MinLength(1)
  serviceVersion: string | undefined;

  /** Base of the OTLP URLs of all signals: http://collector:4318. Default: OTEL_EXPORTER_OTLP_ENDPOINT, else http://localhost:4318. */
  @IsOptional()
  @IsString()
  endpoint: string | undefined;

  @ValidateNested()
  @Type(() => TracesConfig)
  traces: TracesConfig = new TracesConfig();

  @ValidateNested()
  @Type(() => MetricsExportConfig)
  metrics: MetricsExportConfig = new MetricsExportConfig();

  @ValidateNested()
  @Type(() => LogsConfig)
  logs: LogsConfig = new LogsConfig();

  /** Attributes of the resource, beside service.name, service.version, service.instance.id, deployment.environment.name. */
  @IsObject()
  resource: Record<string, string | number | boolean> = {};

  @ValidateNested()
  @Type(() => HttpTelemetryConfig)
  http: HttpTelemetryConfig = new HttpTelemetryConfig();

  @ValidateNested()
  @Type(() => ProcessTelemetryConfig)
  process: ProcessTelemetryConfig = new ProcessTelemetryConfig();

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ViewConfig)
  views: ViewConfig[] = [];

  /** Limit of one export. Default: OTEL_EXPORTER_OTLP_TIMEOUT, else 10,000. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  exportTimeoutMs: number | undefined;

  /** Longest the end of the service waits for what has not been sent yet. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  shutdownTimeoutMs = 5000;
}

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** A `MetricsConfig` as callers write it: any part of it, plain. */
export type MetricsOptions = Given<
  Omit<MetricsConfig, 'traces' | 'metrics' | 'logs' | 'http' | 'process' | 'views'>
> & {
  readonly traces?: Given<TracesConfig> | undefined;
  readonly metrics?: Given<MetricsExportConfig> | undefined;
  readonly logs?: Given<LogsConfig> | undefined;
  readonly http?: Given<Omit<HttpTelemetryConfig, 'buckets'>> & {
    readonly buckets?: readonly number[] | undefined;
  };
  /** `false` is `{ enabled: false }`. */
  readonly process?: boolean | Given<ProcessTelemetryConfig> | undefined;
  readonly views?: readonly (Given<ViewConfig> & Pick<ViewConfig, 'instrument'>)[] | undefined;
};

/** The same in every environment: a Prometheus page, and nothing that leaves the process. */
export function defaultMetricsConfig(_env: string): MetricsConfig {
  return new MetricsConfig();
}
