import { isDeepStrictEqual } from 'node:util';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import type { DbProvider } from '@infra-kit/db';
import {
  acceptReloads,
  buildComponent,
  InfraContext,
  reportClose,
  type CallOptions,
  type ComponentDeps,
  type ComponentSetting,
  type HealthReport,
} from '@infra-kit/kernel';
import { DefaultOnceProvider, type OnceEngine, type OncePart } from './default-once.provider.js';
import type { OnceConfig, OnceConfigOptions } from './once.config.js';
import { oncePlace } from './once.errors.js';
import type { OnceProvider, OnceStoreKind } from './once.provider.js';
import { countCall, type OnceReason } from './once.telemetry.js';
import { HOT, isCacheProvider, isDbProvider, parseOnceConfig } from './parse-once-config.js';
import { CacheRuns } from './run/cache-runs.js';
import { CallChain } from './run/call-chain.js';
import { DbRuns } from './run/db-runs.js';
import { cacheRecords, dbRecords } from './store/records.js';
import { CacheStore } from './store/cache-store.js';
import { DbStore } from './store/db-store.js';

export interface OnceDependencies {
  /** Where keys of the store `cache` are kept; closed by whoever made it. */
  readonly cache?: CacheProvider | undefined;
  /** In whose transactions the store `db` works; closed by whoever made it. */
  readonly db?: DbProvider | undefined;
}
export type OnceDepsByHand = ComponentDeps & OnceDependencies;

const PURGE_EVERY_MS = 3_600_000;

/**
 * Makes idempotency. Configuration: what is passed, then `defaultOnceConfig(env)`. Without a cache or database keys are
 * kept in this process, in development and test; in production it rejects with a `ConfigError`, as for anything else
 * that is wrong. The maker closes it.
 */
export function createOnce(config: OnceConfigOptions = {}, deps: OnceDepsByHand = {}): Promise<OnceProvider> {
  return buildComponent('once', deps, (setting) => assemble(config, setting, deps));
}

async function assemble(
  options: OnceConfigOptions,
  setting: ComponentSetting,
  given: OnceDependencies,
): Promise<OnceProvider> {
  const { name, env, service, stack, logger } = setting;
  const deps = {
    cache: isCacheProvider(options.cache) ? options.cache : given.cache,
    db: isDbProvider(options.db) ? options.db : given.db,
  };
  const place = oncePlace(name);
  const hasCache = deps.cache !== undefined;
  const hasDb = deps.db !== undefined;
  const parse = (input: unknown): OnceConfig =>
    parseOnceConfig(input, { env, instance: name, hasCache, hasDb });
  const started = parse(options);
  let current = started;
  const settings = (): OnceConfig => current;
  const chain = new CallChain();
  const running = new Set<Promise<unknown>>();
  const building: Building = { setting, settings, chain };

  const db = deps.db && (await dbPart(deps.db, building));
  const memory = deps.cache ?? (started.store === 'cache' ? await ownMemory(setting) : undefined);
  const cache = memory && cachePart(memory, building);
  stack.push({
    name: `${place.label} runs`,
    phase: 'drain',
    close: async () => void (await Promise.allSettled(running)),
  });

  const engine: OnceEngine = {
    place,
    service,
    settings,
    chain,
    running,
    parts: { cache, db },
    health: (limits) =>
      report(settings().store, { cache: memory, db: deps.db, running: running.size }, limits),
    close: async () => reportClose(logger, await stack.close()),
  };
  acceptReloads(setting, {
    options,
    parse,
    apply: (next) => {
      const waiting = structuralChanges(started, next);
      current = Object.assign(next, { store: started.store, keyPrefix: started.keyPrefix });
      return waiting;
    },
  });
  return new DefaultOnceProvider(engine);
}

interface Building {
  readonly setting: ComponentSetting;
  readonly settings: () => OnceConfig;
  readonly chain: CallChain;
}

const counter =
  (name: string, store: OnceStoreKind) =>
  (reason: OnceReason): void =>
    countCall(name, store, reason);

function cachePart(cache: CacheProvider, { setting, settings, chain }: Building): OncePart {
  const { name, clock, logger, stack } = setting;
  const place = oncePlace(name);
  const count = counter(name, 'cache');
  const store = new CacheStore({ cache, name, timeoutMs: () => settings().storeTimeoutMs });
  const runs = new CacheRuns({ place, clock, logger, store, chain, settings, count });
  stack.push({ name: `${place.label} leases`, phase: 'leases', close: () => runs.loseAll() });
  return { runs, count, records: cacheRecords(store) };
}

async function dbPart(db: DbProvider, { setting, settings, chain }: Building): Promise<OncePart> {
  const { name, clock, logger, stack } = setting;
  const place = oncePlace(name);
  const count = counter(name, 'db');
  const store = new DbStore(db);
  if (settings().autoMigrate) await store.makeTable();
  const purge = (): void => {
    store.purge().catch((error: unknown) => logger.warn('expired keys were not removed', { err: error }));
  };
  const timer = InfraContext.detach(() => clock.setInterval(purge, PURGE_EVERY_MS));
  timer.unref();
  stack.push({ name: `${place.label} purge`, phase: 'drain', close: () => timer[Symbol.dispose]() });
  const runs = new DbRuns({ place, clock, db, store, chain, count });
  return { runs, count, records: dbRecords(store, () => settings().leaseMs) };
}

/** Closed with the component. */
async function ownMemory({ name, clock, logger, env, stack }: ComponentSetting): Promise<CacheProvider> {
  const cache = await createCache({ driver: 'memory' }, { name, clock, logger, env });
  stack.push({ name: 'once memory', phase: 'connections', close: () => cache.close() });
  return cache;
}

function structuralChanges(running: OnceConfig, next: OnceConfig): string[] {
  const fields = Object.keys(running) as (keyof OnceConfig)[];
  return fields.filter((field) => !HOT.has(field) && !isDeepStrictEqual(running[field], next[field]));
}

async function report(
  store: OnceStoreKind,
  { cache, db, running }: OnceDependencies & { readonly running: number },
  limits: CallOptions | undefined,
): Promise<HealthReport> {
  const used = store === 'db' ? db : cache;
  const { status = 'down', detail = {} } = (await used?.health(limits)) ?? {};
  return { status, detail: { store, running, [store]: { status, ...detail } } };
}
