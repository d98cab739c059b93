import type { CacheProvider } from '@infra-kit/cache';
import type { DbProvider } from '@infra-kit/db';
import { ConfigError, isConfigError, isProductionLike, parseConfig } from '@infra-kit/kernel';
import { defaultOnceConfig, OnceConfig } from './once.config.js';

const COMPONENT = 'once';

/** Fields that take effect while it runs; a change of any other waits for a restart. */
export const HOT: ReadonlySet<string> = new Set([
  'ttlMs',
  'leaseMs',
  'maxKeyLength',
  'maxResultBytes',
  'onStoreError',
  'storeTimeoutMs',
]);

export interface ParsePlace {
  readonly env: string;
  readonly instance: string;
  /** What there is to keep keys in. */
  readonly hasCache: boolean;
  readonly hasDb: boolean;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isCacheProvider(value: unknown): value is CacheProvider {
  return isObject(value) && isObject(value['scripts']);
}

export function isDbProvider(value: unknown): value is DbProvider {
  return isObject(value) && typeof value['afterCommit'] === 'function';
}

function parsed(data: Record<string, unknown>, instance: string): OnceConfig | readonly string[] {
  try {
    return parseConfig(OnceConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

/** Why there is no place for the keys; undefined when there is one. */
function missingStore(store: unknown, { env, hasCache, hasDb }: ParsePlace): string | undefined {
  if (store === 'db' && !hasDb)
    return "store: 'db' needs a database; add one (InfraKitModule.forRoot({ db: … }), createOnce(…, { db }))";
  if (store === 'cache' && !hasCache && isProductionLike(env))
    return `store: ${env} needs a cache or a database to keep keys in; add one (InfraKitModule.forRoot({ cache: … }) or { db: … })`;
  return undefined;
}

/** The configuration in force: what the code passes, then the default of the environment. One error names all that is wrong. */
export function parseOnceConfig(options: unknown, place: ParsePlace): OnceConfig {
  const { env, instance } = place;
  if (!isObject(options)) return parseConfig(OnceConfig, options, { component: COMPONENT, instance });
  const { cache, db, autoMigrate, ...rest } = options;
  const hasCache = place.hasCache || isCacheProvider(cache);
  const hasDb = place.hasDb || isDbProvider(db);
  const store = rest['store'] ?? (!hasCache && hasDb ? 'db' : 'cache');
  const names = { ...(!isCacheProvider(cache) && { cache }), ...(!isDbProvider(db) && { db }) };
  const data = {
    ...rest,
    ...names,
    store,
    autoMigrate: autoMigrate ?? defaultOnceConfig(env).autoMigrate,
  };
  const config = parsed(data, instance);
  const missing = missingStore(store, { ...place, hasCache, hasDb });
  const problems = [
    ...(config instanceof OnceConfig ? [] : config),
    ...(missing === undefined ? [] : [missing]),
  ];
  if (!(config instanceof OnceConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  return config;
}
