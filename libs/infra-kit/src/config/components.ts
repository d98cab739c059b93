import type { DynamicModule, InjectionToken } from '@nestjs/common';
import { BreakerModule, getBreakerToken, parseBreakerConfig, type BreakerOptions } from '@infra-kit/breaker';
import { CacheModule, getCacheToken, parseCacheConfig, type CacheProvider } from '@infra-kit/cache';
import { ClogModule, getClogToken, settleClogConfig } from '@infra-kit/clog';
import { CoordModule, getCoordToken, parseCoordConfig } from '@infra-kit/coord';
import { DbModule, getDbToken, parseDbConfig, type DbProvider } from '@infra-kit/db';
import { EsModule, getEsToken, parseEsConfig } from '@infra-kit/es';
import { ConfigError, DEFAULT_INSTANCE, isProductionLike } from '@infra-kit/kernel';
import { getMetricsToken, MetricsModule, parseMetricsConfig } from '@infra-kit/metrics';
import { getMqToken, MqModule, parseMqConfig } from '@infra-kit/mq';
import { getOnceToken, OnceModule, parseOnceConfig, type OnceConfigOptions } from '@infra-kit/once';
import {
  getRateLimitToken,
  parseRateLimitConfig,
  RateLimitModule,
  type RateLimitOptions,
} from '@infra-kit/ratelimit';
import { getOutboxToken } from '@infra-kit/outbox';
import { getUidToken, resolveUidConfig, UidModule, WorkerIdSource, type UidOptions } from '@infra-kit/uid';
import {
  MetricsSource,
  OptionsSource,
  type CheckPlace,
  type ComponentConfigs,
  type ComponentKey,
  type Instance,
} from './component-configs.js';
import { checkOutbox, outboxModule } from './outbox-entry.js';

export {
  MetricsSource,
  OptionsSource,
  type CheckPlace,
  type ComponentConfigs,
  type ComponentKey,
  type ComponentOption,
  type Instance,
} from './component-configs.js';

interface ComponentEntry<C> {
  /** `loads` is everything that is loaded: what a component may ask for. */
  readonly module: (name: string | undefined, loads: readonly Instance[]) => DynamicModule;
  readonly token: (name: string | undefined) => InjectionToken;
  /** Throws a ConfigError for options that could not start; opens nothing. */
  readonly check: (options: C, place: CheckPlace) => void;
}

function checkUid(options: UidOptions, place: CheckPlace): void {
  const { env, service, name = DEFAULT_INSTANCE } = place;
  const { instanceId } = resolveUidConfig(options, { env, service, name, now: Date.now() });
  if (instanceId !== 0 || !isProductionLike(env) || place.provides(WorkerIdSource)) return;
  throw new ConfigError(
    'uid',
    [
      'instanceId: production needs one; pass it, set INSTANCE_ID, or lease it from coord (coord: …), or provide a WorkerIdSource',
    ],
    name,
  );
}

function checkBreaker(options: BreakerOptions, { name = DEFAULT_INSTANCE, provides }: CheckPlace): void {
  const { share } = parseBreakerConfig(options, { instance: name });
  if (share === undefined || provides(getCacheToken(share.cache))) return;
  const line = share.cache === undefined ? 'cache: true' : `cache: [{ name: '${share.cache}' }]`;
  throw new ConfigError('breaker', [`share: its cache is not loaded; add it: ${line}`], name);
}

/** Sharing takes the cache it names out of those that are loaded. */
function breakerModule(name: string | undefined, loads: readonly Instance[]): DynamicModule {
  const caches = loads.filter(({ component }) => component === 'cache');
  const tokens = caches.map((cache) => getCacheToken(cache.name) as symbol);
  return BreakerModule.forRootAsync({
    name,
    inject: [OptionsSource, ...tokens],
    useFactory: (source, ...ready) => {
      const options = source.of('breaker', name);
      const { share } = parseBreakerConfig(options, { instance: name ?? DEFAULT_INSTANCE });
      if (share === undefined) return options;
      const { cache: wanted = DEFAULT_INSTANCE, quorum, intervalMs } = share;
      const at = caches.findIndex((each) => (each.name ?? DEFAULT_INSTANCE) === wanted);
      const cache = ready[at] as CacheProvider | undefined;
      return { ...options, share: { cache, quorum, intervalMs } };
    },
  });
}

function cacheName({ cache }: RateLimitOptions): string | undefined {
  return typeof cache === 'string' ? cache : undefined;
}

function checkRateLimit(options: RateLimitOptions, place: CheckPlace): void {
  const { env, name = DEFAULT_INSTANCE, provides } = place;
  const cache = cacheName(options);
  if (cache !== undefined && !provides(getCacheToken(cache)))
    throw new ConfigError(
      'ratelimit',
      [`cache: it is not loaded; add it: cache: [{ name: '${cache}' }]`],
      name,
    );
  parseRateLimitConfig(options, { env, instance: name, hasCache: provides(getCacheToken(cache)) });
}

/** Rules are decided in the cache they name out of those that are loaded, else in the one without a name, where there is one. */
function rateLimitModule(name: string | undefined, loads: readonly Instance[]): DynamicModule {
  const caches = loads.filter(({ component }) => component === 'cache');
  const tokens = caches.map((cache) => getCacheToken(cache.name) as symbol);
  return RateLimitModule.forRootAsync({
    name,
    inject: [OptionsSource, ...tokens],
    useFactory: (source, ...ready) => {
      const options = source.of('ratelimit', name);
      if (typeof options.cache === 'object') return options;
      const at = caches.findIndex((each) => each.name === cacheName(options));
      return { ...options, cache: (ready[at] as CacheProvider | undefined) ?? options.cache };
    },
  });
}

const nameIn = (given: unknown): string | undefined => (typeof given === 'string' ? given : undefined);

function checkOnce(options: OnceConfigOptions, { env, name = DEFAULT_INSTANCE, provides }: CheckPlace): void {
  const [cache, db] = [nameIn(options.cache), nameIn(options.db)];
  const missing = [
    ...(cache === undefined || provides(getCacheToken(cache)) ? [] : [['cache', cache] as const]),
    ...(db === undefined || provides(getDbToken(db)) ? [] : [['db', db] as const]),
  ].map(([kind, wanted]) => `${kind}: it is not loaded; add it: ${kind}: [{ name: '${wanted}' }]`);
  if (missing.length > 0) throw new ConfigError('once', missing, name);
  const stores = { hasCache: provides(getCacheToken(cache)), hasDb: provides(getDbToken(db)) };
  parseOnceConfig(options, { env, instance: name, ...stores });
}

/** Keys are kept in the cache and the database they name out of those that are loaded, else in those without a name. */
function onceModule(name: string | undefined, loads: readonly Instance[]): DynamicModule {
  const stores = loads.filter(({ component }) => component === 'cache' || component === 'db');
  const tokens = stores.map(
    (one) => (one.component === 'db' ? getDbToken(one.name) : getCacheToken(one.name)) as symbol,
  );
  return OnceModule.forRootAsync({
    name,
    inject: [OptionsSource, ...tokens],
    useFactory: (source, ...ready) => {
      const options = source.of('once', name);
      const found = (component: ComponentKey, wanted: unknown): unknown =>
        ready[stores.findIndex((one) => one.component === component && one.name === nameIn(wanted))];
      return {
        ...options,
        cache: (found('cache', options.cache) as CacheProvider | undefined) ?? options.cache,
        db: (found('db', options.db) as DbProvider | undefined) ?? options.db,
      };
    },
  });
}

/** How the umbrella makes each component. Order is the order of the table printed at start. */
export const COMPONENTS: { readonly [K in ComponentKey]: ComponentEntry<ComponentConfigs[K]> } = {
  clog: {
    module: (name) =>
      ClogModule.forRootAsync({
        name,
        inject: [OptionsSource],
        useFactory: (source) => source.of('clog', name),
      }),
    token: getClogToken,
    check: (options, { env, name = DEFAULT_INSTANCE }) =>
      void settleClogConfig(options, { env, instance: name }),
  },
  uid: {
    module: (name) =>
      UidModule.forRootAsync({
        name,
        inject: [OptionsSource],
        useFactory: (source) => source.of('uid', name),
      }),
    token: getUidToken,
    check: checkUid,
  },
  coord: {
    module: (name) =>
      CoordModule.forRootAsync({
        name,
        inject: [OptionsSource],
        useFactory: (source) => source.of('coord', name),
      }),
    token: getCoordToken,
    check: (options, { env, name = DEFAULT_INSTANCE }) =>
      void parseCoordConfig(options, { env, instance: name }),
  },
  cache: {
    module: (name) =>
      CacheModule.forRootAsync({
        name,
        inject: [OptionsSource],
        useFactory: (source) => source.of('cache', name),
      }),
    token: getCacheToken,
    check: (options, { env, name = DEFAULT_INSTANCE }) =>
      void parseCacheConfig(options, { env, instance: name }),
  },
  db: {
    module: (name) =>
      DbModule.forRootAsync({
        name,
        inject: [OptionsSource],
        useFactory: (source) => source.of('db', name),
      }),
    token: getDbToken,
    check: (options, { env, name = DEFAULT_INSTANCE }) =>
      void parseDbConfig(options, { env, instance: name }),
  },
  mq: {
    module: (name) =>
      MqModule.forRootAsync({
        name,
        inject: [OptionsSource],
        useFactory: (source) => source.of('mq', name),
      }),
    token: getMqToken,
    check: (options, { env, name = DEFAULT_INSTANCE }) =>
      void parseMqConfig(options, { env, instance: name }),
  },
  ratelimit: { module: rateLimitModule, token: getRateLimitToken, check: checkRateLimit },
  once: { module: onceModule, token: getOnceToken, check: checkOnce },
  breaker: { module: breakerModule, token: getBreakerToken, check: checkBreaker },
  es: {
    module: (name) =>
      EsModule.forRootAsync({
        name,
        inject: [OptionsSource],
        useFactory: (source) => source.of('es', name),
      }),
    token: getEsToken,
    check: (options, { env, name = DEFAULT_INSTANCE }) =>
      void parseEsConfig(options, { env, instance: name }),
  },
  outbox: { module: outboxModule, token: getOutboxToken, check: checkOutbox },
  metrics: {
    // of its own source: everybody else's waits for it
    module: (name) =>
      MetricsModule.forRootAsync({
        name,
        inject: [MetricsSource],
        useFactory: (source) => source.of('metrics', name),
      }),
    token: getMetricsToken,
    check: (options, { service, name = DEFAULT_INSTANCE }) =>
      void parseMetricsConfig(options, { instance: name, service }),
  },
};

export const COMPONENT_KEYS = Object.keys(COMPONENTS) as ComponentKey[];

export function isComponentKey(key: string): key is ComponentKey {
  return Object.hasOwn(COMPONENTS, key);
}

export function instanceLabel({ component, name }: Instance): string {
  return name === undefined ? component : `${component}:${name}`;
}
