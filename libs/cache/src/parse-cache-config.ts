import { isDeepStrictEqual } from 'node:util';
import { ConfigError, envText, isConfigError, parseConfig } from '@infra-kit/kernel';
import { CacheConfig, defaultCacheConfig } from './cache.config.js';
import type { CacheDriver } from './drivers/cache-driver.js';
import { clusterNodeProblem, redisUrlProblem } from './drivers/redis/redis-address.js';

const COMPONENT = 'cache';
const URL_VARIABLE = 'REDIS_URL';

/** Fields that take effect while the cache runs; a change of any other waits for a restart. */
const HOT: ReadonlySet<string> = new Set([
  'defaultTtlMs',
  'commandTimeoutMs',
  'maxEntries',
  'maxRetries',
  'maxFallbackLoads',
  'loadLeaseMs',
  'lockTtlMs',
]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isCacheDriver(value: unknown): value is CacheDriver {
  return (
    isObject(value) &&
    ['connect', 'get', 'set', 'codeOf', 'close'].every((name) => typeof value[name] === 'function')
  );
}

const given = (options: Record<string, unknown>, field: string): boolean => options[field] !== undefined;

function parsed(data: Record<string, unknown>, instance: string): CacheConfig | readonly string[] {
  try {
    return parseConfig(CacheConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

function addressProblems(data: Record<string, unknown>, urlName: string): string[] {
  const { url, sentinels, sentinelName, clusterNodes, driver } = data;
  const problems: string[] = [];
  const wrong = typeof url === 'string' ? redisUrlProblem(url) : undefined;
  if (wrong !== undefined) problems.push(`${urlName}: ${wrong}`);
  if (url !== undefined && sentinels !== undefined)
    problems.push('sentinels: they take the place of url; pass one of the two');
  if ((sentinels === undefined) !== (sentinelName === undefined))
    problems.push('sentinelName: sentinels and the name of their master go together');
  if (Array.isArray(sentinels) && sentinels.length === 0) problems.push('sentinels: name at least one');
  if (data['near'] !== undefined && data['clusterNodes'] !== undefined)
    problems.push(
      'near: it is not made for Redis Cluster, where each node tells of its own keys; leave near out',
    );
  problems.push(...clusterProblems(data));
  if (driver === 'redis' && url === undefined && sentinels === undefined && clusterNodes === undefined)
    problems.push(
      `url: Redis needs an address; pass url (or sentinels, or clusterNodes), set ${URL_VARIABLE}, or ask for driver: 'memory'`,
    );
  return problems;
}

function clusterProblems({ clusterNodes, url, sentinels, db }: Record<string, unknown>): string[] {
  if (clusterNodes === undefined || !Array.isArray(clusterNodes)) return [];
  const problems = clusterNodes.flatMap((node, at) => {
    const problem = clusterNodeProblem(node);
    return problem === undefined ? [] : [`clusterNodes[${at}]: ${problem}`];
  });
  if (clusterNodes.length === 0) problems.push('clusterNodes: name at least one');
  if (url !== undefined || sentinels !== undefined)
    problems.push('clusterNodes: they take the place of url and sentinels; pass one of the three');
  if (db !== undefined && db !== 0) problems.push('db: a cluster has no database but 0');
  return problems;
}

/**
 * The configuration in force: what the code passes, then REDIS_URL, then the default of the environment.
 * One `ConfigError` names everything that is wrong; no part of a URL is quoted, since it may hold a password.
 */
export function parseCacheConfig(
  options: unknown,
  place: { readonly env: string; readonly instance: string },
): CacheConfig {
  const { env, instance } = place;
  if (!isObject(options)) return parseConfig(CacheConfig, options, { component: COMPONENT, instance });
  const { driver: passed, ...data } = options;
  const ready = isCacheDriver(passed) ? passed : undefined;
  const addressed = ['url', 'sentinels', 'clusterNodes'].some((field) => given(data, field));
  const wantsRedis = passed === undefined || passed === 'redis';
  const fromEnv = wantsRedis && !addressed ? envText(URL_VARIABLE) : undefined;
  if (fromEnv !== undefined) data['url'] = fromEnv;
  if (ready === undefined)
    data['driver'] =
      passed ?? (addressed || fromEnv !== undefined ? 'redis' : defaultCacheConfig(env).driver);

  const config = parsed(data, instance);
  const problems = [
    ...(config instanceof CacheConfig ? [] : config),
    ...addressProblems(data, fromEnv === undefined ? 'url' : URL_VARIABLE),
  ];
  if (!(config instanceof CacheConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  if (ready !== undefined) config.driver = ready;
  return config;
}

/** The fields in which two configurations differ and which only a restart can change. */
export function structuralChanges(running: CacheConfig, next: CacheConfig): string[] {
  const fields = new Set([...Object.keys(running), ...Object.keys(next)]) as Set<keyof CacheConfig>;
  return [...fields].filter((field) => !HOT.has(field) && !isDeepStrictEqual(running[field], next[field]));
}
