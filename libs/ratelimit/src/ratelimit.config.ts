import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  Max,
  Min,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import type { CacheProvider } from '@infra-kit/cache';
import { isProductionLike } from '@infra-kit/kernel';
import type { OnStoreError, RateLimitAlgorithm, RateLimitRule } from './ratelimit.provider.js';

const LONGEST_PERIOD_MS = 366 * 86_400_000;
const MOST_TOKENS = 1e9;
const LONGEST_MS = 2 ** 31 - 1;

export class RateLimitLeaseConfig {
  /** Tokens drawn at once; at most half of the capacity. */
  @IsInt()
  @Min(1)
  size = 0;

  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  ttlMs = 0;
}

/** `RateLimitRule` as configuration. */
export class RateLimitRuleConfig {
  @IsOptional()
  @IsIn(['token-bucket', 'sliding-window', 'concurrency'])
  algorithm: RateLimitAlgorithm | undefined;

  @IsNumber()
  @IsPositive()
  @Max(MOST_TOKENS)
  rate = 0;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LONGEST_PERIOD_MS)
  perMs: number | undefined;

  @IsNumber()
  @IsPositive()
  @Max(MOST_TOKENS)
  capacity = 0;

  @IsOptional()
  @IsIn(['distributed', 'local'])
  scope: 'distributed' | 'local' | undefined;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => RateLimitLeaseConfig)
  lease: RateLimitLeaseConfig | undefined;

  @IsOptional()
  @IsIn(['open', 'closed', 'local'])
  onStoreError: OnStoreError | undefined;

  @IsOptional()
  @IsString()
  description: string | undefined;

  @IsOptional()
  @IsBoolean()
  shadow: boolean | undefined;
}

/** Which header fields answers carry: the IETF draft's, X-RateLimit-*, both, or none. */
export type RateLimitHeaders = 'ietf' | 'legacy' | 'both' | 'none';
/** Gets what a `key` function gets: at an edge the ExecutionContext. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the contract's signature of key functions
export type RateLimitKey = (...args: any[]) => string | readonly string[]; // oxlint-disable-line typescript/no-explicit-any

/** Configuration of a rate limiter. Durations are milliseconds, or texts like '30s'. */
export class RateLimitConfig {
  /** `cache`: by scripts in the cache component; `memory`: in this process. Default: `cache` where there is one. */
  @IsIn(['memory', 'cache'])
  driver: 'memory' | 'cache' = 'memory';

  /** Which cache, by its instance's name; inside Nest. A ready provider is taken too. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  cache: string | CacheProvider | undefined;

  /** By name. Hot. */
  @ValidateNested()
  @Type(() => RateLimitRuleConfig)
  rules: Map<string, RateLimitRuleConfig> = new Map<string, RateLimitRuleConfig>();

  /** For a guard on handlers that name no rule. Hot. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  defaultRule: string | undefined;

  /** What decides while the store is away, for rules that do not say. Hot. */
  @IsIn(['open', 'closed', 'local'])
  onStoreError: OnStoreError = 'local';

  /** Longest the store may keep a decision waiting. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  storeTimeoutMs = 50;

  /** Share of rate and capacity of one process under `local`. Default: 1 / known instances, else 0.5. Hot. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(1)
  fallbackRate: number | undefined;

  /** Hot. */
  @IsIn(['ietf', 'legacy', 'both', 'none'])
  headers: RateLimitHeaders = 'ietf';

  /** Whom an edge counts where a decorator has no `key`: the user where there is one, else the address (the default); always the address; or a function. */
  @IsOptional()
  @IsIn(['user', 'ip'], { message: "keyBy must be 'user', 'ip' or a function" })
  keyBy: 'user' | 'ip' | RateLimitKey | undefined;

  /** Who may say in X-Forwarded-For or Forwarded who the client is: nobody, that many proxies before us, or proxies of these addresses. */
  @ValidateIf((config: RateLimitConfig) => Array.isArray(config.trustProxy))
  @IsArray()
  @IsString({ each: true })
  trustProxy: false | number | string[] = false;

  /** Accounts kept in the process at most (memory driver, local rules, fallback, leases); those not used for long go. */
  @IsInt()
  @Min(2)
  maxKeys = 100_000;
}

type Plain = {
  readonly [K in keyof Omit<RateLimitConfig, 'rules' | 'trustProxy'>]?: RateLimitConfig[K] | undefined;
};

/** A `RateLimitConfig` as callers write it: any part of it, plain. */
export interface RateLimitOptions extends Plain {
  readonly rules?: Readonly<Record<string, RateLimitRule>> | undefined;
  readonly trustProxy?: false | number | readonly string[] | undefined;
}

/** In development and test the process itself, where there is no cache; in production the cache. */
export function defaultRateLimitConfig(env: string): RateLimitConfig {
  const config = new RateLimitConfig();
  config.driver = isProductionLike(env) ? 'cache' : 'memory';
  return config;
}
