import { createNoopMeter, metrics, ProxyTracerProvider, trace } from '@opentelemetry/api';
import type { Logger } from '@infra-kit/kernel';
import type { SettledMetricsConfig } from '../parse-metrics-config.js';
import type { RunningSdk, Undelivered } from './running-sdk.js';
import type { SdkSetting } from './start-sdk.js';

/** The SDK of the process and who uses it. */
interface Shared {
  users: number;
  readonly starting: Promise<RunningSdk>;
}
interface Owner {
  shared: Shared | undefined;
  /** The end of the one before. */
  ending: Promise<unknown>;
}

/** OpenTelemetry's globals are the process': so is their owner, whichever copy of this package asks. */
const OWNER = Symbol.for('infra-kit:metrics-sdk');

function owner(): Owner {
  const there: unknown = Reflect.get(globalThis, OWNER);
  if (there !== undefined) return there as Owner;
  const made: Owner = { shared: undefined, ending: Promise.resolve() };
  Reflect.set(globalThis, OWNER, made);
  return made;
}

/** A share of the process' SDK. */
export interface SdkShare {
  readonly sdk: RunningSdk;
  /** Gives the share back, once; the last one ends the SDK. */
  release(limitMs: number): Promise<Undelivered>;
}

/** Starts the SDK of the process, or joins the one that runs: then the settings of the first stay in force. */
export async function shareSdk(config: SettledMetricsConfig, setting: SdkSetting): Promise<SdkShare> {
  const own = owner();
  if (own.shared !== undefined)
    setting.logger.info('an application of this process has telemetry: it is shared');
  const shared = (own.shared ??= { users: 0, starting: own.ending.then(() => start(config, setting)) });
  shared.users++;
  try {
    const sdk = await shared.starting;
    let released: Promise<Undelivered> | undefined;
    return { sdk, release: (limitMs) => (released ??= release(own, shared, limitMs)) };
  } catch (error) {
    leave(own, shared);
    throw error;
  }
}

/** True when nobody is left. */
function leave(own: Owner, shared: Shared): boolean {
  shared.users--;
  if (shared.users > 0) return false;
  if (own.shared === shared) own.shared = undefined;
  return true;
}

async function release(own: Owner, shared: Shared, limitMs: number): Promise<Undelivered> {
  if (!leave(own, shared)) return {};
  const ended = shared.starting.then((sdk) => sdk.shutdown(limitMs));
  own.ending = ended.catch(() => undefined);
  return ended;
}

async function start(config: SettledMetricsConfig, setting: SdkSetting): Promise<RunningSdk> {
  if (isInstalled()) return foreignSdk(setting.logger);
  const { startSdk } = await import('./start-sdk.js');
  return startSdk(config, setting);
}

/** Whether somebody else, a preloaded file say, has put an SDK under the globals. */
function isInstalled(): boolean {
  const tracers = trace.getTracerProvider();
  const traced = !(tracers instanceof ProxyTracerProvider) || tracers.getDelegateTracer('') !== undefined;
  return traced || metrics.getMeterProvider().getMeter('') !== createNoopMeter();
}

/** Leaves the exporting to whoever has installed an SDK before. */
function foreignSdk(logger: Logger): RunningSdk {
  logger.warn(
    'this process has an OpenTelemetry SDK already: it gets the telemetry, exporters configured here get none',
  );
  return {
    tracers: trace.getTracerProvider(),
    meters: metrics.getMeterProvider(),
    lines: undefined,
    page: undefined,
    setRatio: () => undefined,
    flush: async () => undefined,
    shutdown: async () => ({}),
  };
}
