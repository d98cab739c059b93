import {
  acceptReloads,
  buildComponent,
  InfraError,
  isConfigError,
  isInfraError,
  reportClose,
  type ComponentDeps,
  type ComponentSetting,
  type InfraErrorCode,
} from '@infra-kit/kernel';
import type { CacheConfig, CacheOptions } from './cache.config.js';
import { cachePlace, type CachePlace } from './cache.errors.js';
import type { CacheProvider } from './cache.provider.js';
import { stateCounter } from './cache.telemetry.js';
import { loadCodec } from './codecs/load-codec.js';
import { DefaultCacheProvider } from './default-cache.provider.js';
import type { CacheDriver } from './drivers/cache-driver.js';
import { MemoryCacheDriver } from './drivers/memory/memory.driver.js';
import type { CacheEngine } from './operations/cache-engine.js';
import { CallRunner } from './operations/call-runner.js';
import { EntryReader } from './operations/entry-reader.js';
import { GetOrSet } from './operations/get-or-set.js';
import { nearDriver } from './operations/near-driver.js';
import { openNear } from './operations/open-near.js';
import { LivingEntries } from './operations/living-entries.js';
import { LockKeeper } from './operations/lock-keeper.js';
import { KeySpace } from './operations/key-space.js';
import { TagVersions } from './operations/tag-versions.js';
import { ValueCodec } from './operations/value-codec.js';
import { isCacheDriver, parseCacheConfig, structuralChanges } from './parse-cache-config.js';

/**
 * Makes a cache. Configuration: what is passed, then REDIS_URL, then `defaultCacheConfig(env)`.
 * Rejects with a `ConfigError` for a bad configuration, and UNAVAILABLE within `connectTimeoutMs` when its server cannot
 * be reached; it leaves nothing open then. The maker closes it; a driver object that was passed in stays open.
 */
export function createCache(config: CacheOptions = {}, deps: ComponentDeps = {}): Promise<CacheProvider> {
  return buildComponent('cache', deps, (setting) => assemble(config, setting));
}

async function assemble(options: CacheOptions, setting: ComponentSetting): Promise<CacheProvider> {
  const { name, env, stack, clock, logger } = setting;
  const place = cachePlace(name);
  const parse = (input: unknown): CacheConfig => parseCacheConfig(input, { env, instance: name });
  const started = parse(options);
  let current = started;
  const settings = (): CacheConfig => current;

  const values = new ValueCodec(place, await loadCodec(started.codec));
  const store = await openDriver(started, setting, place);
  const near = await openNear(store, { config: started, values, place, setting }).catch((error: unknown) => {
    throw isConfigError(error) ? error : notReached(error, store, place);
  });
  const driver = near === undefined ? store : nearDriver(store, near);
  const runner = new CallRunner(driver, place, settings);
  const tags = new TagVersions({ place, driver, runner });
  const entries = new EntryReader({ driver, runner, tags });
  const living = new LivingEntries({ place, driver, runner, entries });
  const loads = new GetOrSet({ place, driver, runner, values, entries, tags, clock, settings, near });
  const locks = new LockKeeper({ place, driver, runner, clock });
  const engine: CacheEngine = {
    place,
    driver,
    runner,
    values,
    entries,
    living,
    tags,
    locks,
    near,
    clock,
    settings,
    loads,
  };
  stack.push({ name: `${place.label} locks`, phase: 'leases', close: () => locks.close() });
  stack.push({
    name: place.label,
    phase: 'connections',
    close: async () => {
      await engine.loads.close();
      runner.close();
      await engine.loads.close(); // what began meanwhile
    },
  });

  acceptReloads(setting, {
    options,
    parse,
    apply: (next) => {
      if (!isCacheDriver(started.driver)) driver.tune(next);
      current = next;
      return structuralChanges(started, next);
    },
  });

  return new DefaultCacheProvider(engine, new KeySpace(place, started.keyPrefix), async () => {
    reportClose(logger, await stack.close());
  });
}

async function openDriver(
  config: CacheConfig,
  setting: ComponentSetting,
  place: CachePlace,
): Promise<CacheDriver> {
  const { stack, logger } = setting;
  const given = isCacheDriver(config.driver) ? config.driver : undefined;
  const driver = given ?? (await makeDriver(config, setting, place));
  if (given === undefined)
    stack.push({ name: `${place.label} ${driver.kind}`, phase: 'connections', close: () => driver.close() });
  try {
    await driver.connect();
  } catch (error) {
    throw notReached(error, driver, place);
  }
  const watching = driver.watch((state, reason) => {
    stateCounter.add(1, { cache: place.name, state });
    if (state !== 'up')
      logger.warn(state === 'down' ? 'the cache server is away' : 'some of the cache servers are away', {
        ...driver.describe(),
        err: reason,
      });
    else logger.info('the cache server is back', { ...driver.describe() });
  });
  stack.push({
    name: `${place.label} watch`,
    phase: 'connections',
    close: () => watching[Symbol.dispose](),
  });
  return driver;
}

async function makeDriver(
  config: CacheConfig,
  setting: ComponentSetting,
  place: CachePlace,
): Promise<CacheDriver> {
  if (config.driver !== 'redis')
    return new MemoryCacheDriver({ maxEntries: config.maxEntries, clock: setting.clock });
  const { redisDriver } = await loadRedis(place);
  const label = place.name === 'default' ? '' : `:${place.name}`;
  return redisDriver(Object.assign({ connectionName: `infra-kit:cache${label}` }, config));
}

async function loadRedis(place: CachePlace): Promise<typeof import('./drivers/redis/index.js')> {
  try {
    return await import('./drivers/redis/index.js');
  } catch (error) {
    throw new InfraError(
      'FAILED_PRECONDITION',
      `${place.label}: driver 'redis' needs the package ioredis; install it: npm i ioredis`,
      { component: 'cache', instance: place.name, cause: error },
    );
  }
}

function notReached(error: unknown, driver: CacheDriver, place: CachePlace): InfraError {
  const code: InfraErrorCode = isInfraError(error)
    ? error.code
    : (driver.codeOf(error) ?? InfraError.from(error).code);
  const why = error instanceof Error ? error.message : String(error);
  const remedy =
    code === 'PERMISSION_DENIED'
      ? 'correct user name and password'
      : 'start the server, or correct the address (url, REDIS_URL, clusterNodes)';
  return new InfraError(code, `${place.label}: cannot start, ${why}; ${remedy}`, {
    component: 'cache',
    instance: place.name,
    cause: error,
  });
}
