import { isDeepStrictEqual } from 'node:util';
import { ConfigError, isConfigError, parseConfig } from '@infra-kit/kernel';
import { MetricsConfig } from './metrics.config.js';
import { readOtelEnvironment } from './otel-environment.js';

const COMPONENT = 'metrics';

/** A configuration in which nothing is left open that decides what is exported. */
export interface SettledMetricsConfig extends MetricsConfig {
  readonly traces: MetricsConfig['traces'] & {
    exporter: 'otlp' | 'zipkin' | 'console' | 'none';
    sampler: 'always' | 'never' | 'ratio' | 'parent-ratio';
    ratio: number;
  };
  readonly metrics: MetricsConfig['metrics'] & { exporter: 'prometheus' | 'otlp' | 'both' | 'none' };
  readonly logs: MetricsConfig['logs'] & { exporter: 'otlp' | 'none' };
  readonly serviceName: string;
}

export interface MetricsPlace {
  readonly instance: string;
  /** The application's name, where nobody names the service. */
  readonly service: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is not given comes from `fallback`; anything but an object is left for the parser to refuse. */
function over(fallback: object, given: unknown): unknown {
  if (given === undefined) return { ...fallback };
  if (!isObject(given)) return given;
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...fallback, ...Object.fromEntries(said) };
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

function rising(values: unknown): boolean {
  return (
    !Array.isArray(values) || values.every((value, at) => at === 0 || Number(value) > Number(values[at - 1]))
  );
}

function endpointProblems(data: Record<string, unknown>): string[] {
  const endpoints = [
    ['endpoint', data['endpoint']] as const,
    ...['traces', 'metrics', 'logs'].map(
      (signal) =>
        [`${signal}.endpoint`, isObject(data[signal]) ? data[signal]['endpoint'] : undefined] as const,
    ),
  ];
  return endpoints
    .filter(([, value]) => typeof value === 'string' && !isUrl(value))
    .map(([field]) => `${field}: must be an http or https URL, as http://collector:4318`);
}

function fieldProblems(data: Record<string, unknown>): string[] {
  const problems = endpointProblems(data);
  const { resource, http, views } = data;
  if (isObject(resource))
    for (const [key, value] of Object.entries(resource))
      if (!['string', 'number', 'boolean'].includes(typeof value))
        problems.push(`resource.${key}: must be a text, a number or a boolean`);
  if (isObject(http) && !rising(http['buckets'])) problems.push('http.buckets: bounds must rise');
  if (Array.isArray(views))
    for (const [at, view] of views.entries())
      if (isObject(view) && !rising(view['buckets'])) problems.push(`views[${at}].buckets: bounds must rise`);
  return problems;
}

function parsed(data: Record<string, unknown>, instance: string): MetricsConfig | readonly string[] {
  try {
    return parseConfig(MetricsConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

/** A full URL for one signal asks for that signal. */
const asked = (given: unknown): object =>
  isObject(given) && given['endpoint'] !== undefined ? { exporter: 'otlp' } : {};

/**
 * The configuration in force: what the code passes, then OTEL_* variables, then `defaultMetricsConfig(env)`.
 * One `ConfigError` names everything that is wrong.
 */
export function parseMetricsConfig(options: unknown, place: MetricsPlace): SettledMetricsConfig {
  const { instance } = place;
  if (!isObject(options)) throw new ConfigError(COMPONENT, ['expected an object of settings'], instance);
  const environment = readOtelEnvironment();
  const { process: processOption } = options;
  const data: Record<string, unknown> = {
    ...options,
    serviceName: options['serviceName'] ?? environment.serviceName ?? place.service,
    resource: over(environment.resource, options['resource']),
    traces: over(
      over(
        { exporter: 'none', sampler: 'parent-ratio', ratio: 1, ...asked(options['traces']) },
        environment.traces,
      ) as object,
      options['traces'],
    ),
    metrics: over(over({ exporter: 'prometheus' }, environment.metrics) as object, options['metrics']),
    logs: over(
      over({ exporter: 'none', ...asked(options['logs']) }, environment.logs) as object,
      options['logs'],
    ),
    ...(typeof processOption === 'boolean' && { process: { enabled: processOption } }),
  };
  const config = parsed(data, instance);
  const problems = [...(config instanceof MetricsConfig ? [] : config), ...fieldProblems(data)];
  if (!(config instanceof MetricsConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  return config as SettledMetricsConfig; // the defaults above fill what the type adds
}

/** The fields in which two configurations differ and which only a restart can change: all but the ratio. */
export function structuralChanges(running: MetricsConfig, next: MetricsConfig): string[] {
  const flat = (config: MetricsConfig): Record<string, unknown> => {
    const { traces, ...rest } = config;
    const { ratio: _hot, ...fixed } = traces;
    return { ...rest, traces: { ...fixed } };
  };
  const [from, to] = [flat(running), flat(next)];
  return Object.keys({ ...from, ...to }).filter((field) => !isDeepStrictEqual(from[field], to[field]));
}
