import type { CacheProvider } from '@infra-kit/cache';
import {
  buildComponent,
  ConfigError,
  reportClose,
  type ComponentDeps,
  type ComponentSetting,
} from '@infra-kit/kernel';
import { isDeepStrictEqual } from 'node:util';
import type { BreakerConfig, BreakerOptions } from './breaker.config.js';
import { breakerPlace } from './breaker.errors.js';
import type { BreakerEvent, BreakerProvider } from './breaker.provider.js';
import { BreakerRegistry } from './breaker-registry.js';
import { BreakerMeter, changesCounter, STATE_VALUES } from './breaker.telemetry.js';
import { BreakerHost } from './call/breaker-host.js';
import { DefaultBreakerProvider } from './default-breaker.provider.js';
import { overlay, parseBreakerConfig, readyCache } from './parse-breaker-config.js';
import { FleetView } from './share/fleet-view.js';

export interface BreakerDeps extends ComponentDeps {
  /** Where `share` exchanges views. The giver closes it. */
  readonly cache?: CacheProvider | undefined;
}

/**
 * Makes the breakers of a service. Rejects with a `ConfigError` that names every bad field; also when `share` is on and
 * there is no cache. Nothing is opened: without `share` there is no I/O and no timer.
 */
export function createBreaker(config: BreakerOptions = {}, deps: BreakerDeps = {}): Promise<BreakerProvider> {
  return buildComponent('breaker', deps, (setting) =>
    assemble(config, setting, deps.cache ?? readyCache(config)),
  );
}

function assemble(
  options: BreakerOptions,
  setting: ComponentSetting,
  cache: CacheProvider | undefined,
): BreakerProvider {
  const { name, instance, clock, logger, stack } = setting;
  const place = breakerPlace(name);
  const parse = (input: unknown): BreakerConfig => parseBreakerConfig(input, { instance });
  const config = parse(options);
  const registry = new BreakerRegistry(() => clock.monotonic(), config.idleMs);
  const meter = new BreakerMeter((result) => {
    for (const { name: breaker, state } of registry.present())
      result.observe(STATE_VALUES[state], { breaker, provider: name });
  });
  const fleet = fleetOf(config, setting, cache, (breaker) => registry.find(breaker)?.openForFleet());
  const host = new BreakerHost({
    place,
    clock,
    logger,
    meter,
    changed: (event, breaker) => {
      tell(event, setting);
      if (event.to === 'open') fleet?.opened(breaker);
    },
    woken: (breaker) => registry.keep(breaker),
  });
  const provider = new DefaultBreakerProvider({
    host,
    registry,
    config,
    fleet,
    close: async () => reportClose(logger, await stack.close()),
  });
  stack.push({
    name: place.label,
    phase: 'connections',
    close: () => {
      host.closed = true;
      meter.stop();
      fleet?.close();
    },
  });
  followReload(provider, setting, { options, started: config, parse });
  fleet?.start();
  return provider;
}

function fleetOf(
  { share: settings }: BreakerConfig,
  { instance, service, clock, logger, name }: ComponentSetting,
  cache: CacheProvider | undefined,
  open: (breaker: string) => void,
): FleetView | undefined {
  if (settings === undefined) return undefined;
  if (cache === undefined)
    throw new ConfigError(
      'breaker',
      ['share: views are exchanged through a cache; pass { cache }, or leave share out'],
      instance,
    );
  const key = `infra-kit:breaker:${service}:${name}`;
  return new FleetView({ cache, clock, logger, provider: name, key, settings, open });
}

function tell({ name: breaker, from, to, reason, snapshot }: BreakerEvent, setting: ComponentSetting): void {
  changesCounter.add(1, { breaker, provider: setting.name, state: to, reason });
  const { failureRate, slowRate, calls, openUntil } = snapshot;
  const fields = { breaker, from, to, reason, failureRate, slowRate, calls, openUntil };
  if (to === 'open' || to === 'isolated') setting.logger.warn('breaker opened', fields);
  else setting.logger.info('breaker changed its state', fields);
}

interface Reloading {
  readonly options: BreakerOptions;
  readonly started: BreakerConfig;
  readonly parse: (input: unknown) => BreakerConfig;
}

function followReload(
  provider: DefaultBreakerProvider,
  { reload, stack, name }: ComponentSetting,
  { options, started, parse }: Reloading,
): void {
  const registration = reload?.register({
    component: 'breaker',
    instance: name,
    parse: (document) => parse(overlay(options, document)),
    apply: (next) => {
      provider.follow(next);
      return isDeepStrictEqual(started.share, next.share) ? [] : ['share'];
    },
  });
  if (registration === undefined) return;
  stack.push({
    name: `${breakerPlace(name).label} reload`,
    phase: 'connections',
    close: () => registration[Symbol.dispose](),
  });
}
