import { envText } from '@infra-kit/kernel';
import type { SettledMetricsConfig } from '../parse-metrics-config.js';

const DEFAULT_LIMIT_MS = 10_000;

/** Limit of one export in milliseconds. */
export function exportLimitMs({ exportTimeoutMs }: SettledMetricsConfig): number {
  const variable = Number(envText('OTEL_EXPORTER_OTLP_TIMEOUT'));
  return exportTimeoutMs ?? (variable > 0 ? variable : DEFAULT_LIMIT_MS);
}

/** What an OTLP exporter of one signal is given; what is left out it reads from OTEL_* variables, or takes its defaults. */
export function otlpTarget(
  config: SettledMetricsConfig,
  signal: 'traces' | 'metrics' | 'logs',
): { url?: string; timeoutMillis?: number } {
  const { endpoint } = config;
  const base = endpoint === undefined ? undefined : `${endpoint.replace(/\/+$/, '')}/v1/${signal}`;
  const url = config[signal].endpoint ?? base;
  return {
    ...(url !== undefined && { url }),
    ...(config.exportTimeoutMs !== undefined && { timeoutMillis: config.exportTimeoutMs }),
  };
}
