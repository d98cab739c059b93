import { hostname } from 'node:os';
import {
  buildComponent,
  envText,
  reportClose,
  type AppIdentity,
  type ComponentDeps,
  type ComponentSetting,
} from '@infra-kit/kernel';
import { DefaultMetricsProvider } from './default-metrics.provider.js';
import { openPageServer } from './http/page-server.js';
import type { MetricsOptions } from './metrics.config.js';
import type { MetricsProvider } from './metrics.provider.js';
import { parseMetricsConfig, structuralChanges, type SettledMetricsConfig } from './parse-metrics-config.js';
import { shareSdk } from './sdk/shared-sdk.js';

export interface MetricsDeps extends ComponentDeps {
  /** Who emits, when an application says so; else INSTANCE_ID, else the host's name and the process' number. */
  readonly identity?: AppIdentity | undefined;
}

/** The closers have their own limit; this much later the stack would give them up. */
const MARGIN_MS = 500;

/**
 * Starts telemetry: see MetricsProvider. Configuration: what is passed, then OTEL_* variables, then
 * `defaultMetricsConfig(env)`. Rejects with a `ConfigError` for a bad one, FAILED_PRECONDITION for a port that is taken,
 * and leaves nothing open then. A collector that is away stops no start. The maker closes it.
 */
export function createMetrics(config: MetricsOptions = {}, deps: MetricsDeps = {}): Promise<MetricsProvider> {
  return buildComponent('metrics', deps, (setting) => assemble(config, setting, deps.identity));
}

async function assemble(
  options: MetricsOptions,
  setting: ComponentSetting,
  identity: AppIdentity | undefined,
): Promise<MetricsProvider> {
  const { name, env, stack, logger, clock, reload, service } = setting;
  const parse = (input: unknown): SettledMetricsConfig =>
    parseMetricsConfig(input, { instance: name, service });
  const config = parse(options);
  const instanceId = identity?.instance ?? envText('INSTANCE_ID') ?? `${hostname()}-${process.pid}`;
  const share = await shareSdk(config, { env, logger, clock, instanceId });
  const { sdk } = share;

  let provider: DefaultMetricsProvider | undefined;
  let limitMs = config.shutdownTimeoutMs;
  let spentMs = 0;
  stack.push({
    name: 'metrics',
    phase: 'connections',
    timeoutMs: limitMs + MARGIN_MS,
    close: async () => {
      provider?.shut();
      const undelivered = await share.release(Math.max(1, limitMs - spentMs));
      if (Object.keys(undelivered).length > 0)
        logger.warn('telemetry was dropped: the collector did not take it in time', { limitMs, undelivered });
    },
  });
  stack.push({
    name: 'metrics flush',
    phase: 'flush',
    timeoutMs: limitMs + MARGIN_MS,
    close: async () => {
      spentMs = await flushWithin(sdk.flush(), limitMs / 2);
    },
  });
  let port: number | undefined;
  if (config.metrics.port !== undefined && sdk.page !== undefined)
    port = await openPageServer({
      page: sdk.page,
      path: config.metrics.path,
      port: config.metrics.port,
      host: config.metrics.host,
      instance: name,
      stack,
    });
  const registration = reload?.register({
    component: 'metrics',
    instance: name,
    parse: (document) => parse(overlay(options, document)),
    apply: (next) => {
      config.traces.ratio = next.traces.ratio;
      sdk.setRatio(next.traces.ratio);
      return structuralChanges(config, next);
    },
  });
  if (registration)
    stack.push({
      name: 'metrics reload',
      phase: 'connections',
      close: () => registration[Symbol.dispose](),
    });
  provider = new DefaultMetricsProvider({
    name,
    config,
    sdk,
    port: () => port,
    end: async (within) => {
      limitMs = within;
      reportClose(logger, await stack.close());
    },
  });
  return provider;
}

/** What fails is counted and warned of where it fails; what takes longer has another chance at the end. Returns the time it took. */
async function flushWithin(flush: Promise<void>, limitMs: number): Promise<number> {
  const started = performance.now();
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, limitMs);
  await Promise.race([flush.catch(() => undefined), limit.promise]);
  clearTimeout(timer);
  return performance.now() - started;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A document holds what differs from what the code says. */
function overlay(base: object, document: unknown): unknown {
  if (!isObject(document)) return document;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(document)) {
    const under = merged[key];
    merged[key] = isObject(value) && isObject(under) ? { ...under, ...value } : value;
  }
  return merged;
}
