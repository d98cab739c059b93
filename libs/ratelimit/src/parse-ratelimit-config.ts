import { ConfigError, isConfigError, isProductionLike, parseConfig } from '@infra-kit/kernel';
import type { CacheProvider } from '@infra-kit/cache';
import { trustProblems } from './nest/trusted-proxies.js';
import { defaultRateLimitConfig, RateLimitConfig } from './ratelimit.config.js';
import { allRuleProblems } from './rules/rule-problems.js';

const COMPONENT = 'ratelimit';

/** Fields that take effect while the limiter runs; a change of any other waits for a restart. */
export const HOT: ReadonlySet<string> = new Set([
  'rules',
  'defaultRule',
  'onStoreError',
  'storeTimeoutMs',
  'fallbackRate',
  'headers',
]);

export interface ParsePlace {
  readonly env: string;
  readonly instance: string;
  /** Whether there is a cache to decide in. */
  readonly hasCache: boolean;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isCacheProvider(value: unknown): value is CacheProvider {
  return isObject(value) && isObject(value['scripts']);
}

function parsed(data: Record<string, unknown>, instance: string): RateLimitConfig | readonly string[] {
  try {
    return parseConfig(RateLimitConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

function problemsOf(config: RateLimitConfig): string[] {
  const problems = [...allRuleProblems(config.rules), ...trustProblems(config.trustProxy)];
  if (config.defaultRule !== undefined && !config.rules.has(config.defaultRule))
    problems.push(`defaultRule: no rule "${config.defaultRule}"; known are ${names(config)}`);
  return problems;
}

const names = ({ rules }: RateLimitConfig): string => [...rules.keys()].join(', ') || 'none';

/** The configuration in force: what the code passes, then the default of the environment. One error names all that is wrong. */
export function parseRateLimitConfig(options: unknown, place: ParsePlace): RateLimitConfig {
  const { env, instance, hasCache } = place;
  if (!isObject(options)) return parseConfig(RateLimitConfig, options, { component: COMPONENT, instance });
  const { cache: passedCache, keyBy, driver, ...data } = options;
  const ready = isCacheProvider(passedCache) ? passedCache : undefined;
  const anyCache = hasCache || ready !== undefined;
  data['driver'] = driver ?? (anyCache ? 'cache' : defaultRateLimitConfig(env).driver);
  if (ready === undefined) data['cache'] = passedCache;
  if (typeof keyBy !== 'function') data['keyBy'] = keyBy;

  const config = parsed(data, instance);
  const problems = config instanceof RateLimitConfig ? problemsOf(config) : [...config];
  if (data['driver'] === 'cache' && !anyCache)
    problems.push(
      isProductionLike(env) && driver === undefined
        ? `driver: ${env} needs a cache to decide in; add one (InfraKitModule.forRoot({ cache: … })), or ask for driver: 'memory'`
        : "driver: 'cache' needs a cache; add one, or ask for driver: 'memory'",
    );
  if (!(config instanceof RateLimitConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  if (ready !== undefined) config.cache = ready;
  if (typeof keyBy === 'function') config.keyBy = keyBy as NonNullable<RateLimitConfig['keyBy']>;
  return config;
}
