import { envText } from '@infra-kit/kernel';

/** What OpenTelemetry's own variables say, in the words of our configuration. The exporters read the rest themselves. */
export interface OtelEnvironment {
  readonly serviceName: string | undefined;
  readonly resource: Readonly<Record<string, string>>;
  readonly traces: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly logs: Readonly<Record<string, unknown>>;
}

const SAMPLERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  always_on: { sampler: 'always' },
  always_off: { sampler: 'never' },
  traceidratio: { sampler: 'ratio' },
  parentbased_always_on: { sampler: 'parent-ratio', ratio: 1 },
  parentbased_always_off: { sampler: 'parent-ratio', ratio: 0 },
  parentbased_traceidratio: { sampler: 'parent-ratio' },
};

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

/** `a=1,b=two%20words`; a part without `=` is passed over, as the specification wants it. */
function resourceAttributes(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((part) => {
    const at = part.indexOf('=');
    return at < 1 ? [] : [[part.slice(0, at).trim(), decoded(part.slice(at + 1).trim())] as const];
  });
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An exporter list of `otlp,prometheus` is `both`. */
function metricsExporter(text: string | undefined): string | undefined {
  const names = new Set(text?.split(',').map((name) => name.trim()));
  return names.has('otlp') && names.has('prometheus') ? 'both' : text;
}

export function readOtelEnvironment(): OtelEnvironment {
  const resource = resourceAttributes(envText('OTEL_RESOURCE_ATTRIBUTES') ?? '');
  const samplerName = envText('OTEL_TRACES_SAMPLER');
  const sampler = samplerName === undefined ? {} : (SAMPLERS[samplerName] ?? { sampler: samplerName });
  return {
    serviceName: envText('OTEL_SERVICE_NAME') ?? resource['service.name'],
    resource,
    traces: {
      exporter: envText('OTEL_TRACES_EXPORTER'),
      ratio: numberOf(envText('OTEL_TRACES_SAMPLER_ARG')),
      ...sampler,
    },
    metrics: {
      exporter: metricsExporter(envText('OTEL_METRICS_EXPORTER')),
      intervalMs: numberOf(envText('OTEL_METRIC_EXPORT_INTERVAL')),
    },
    logs: { exporter: envText('OTEL_LOGS_EXPORTER') },
  };
}
