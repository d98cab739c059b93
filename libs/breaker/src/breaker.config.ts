import { Transform, Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
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
import { parseDuration } from '@infra-kit/kernel';
import { POLICY_DEFAULTS, type BreakerPolicyOptions } from './breaker.policy.js';

/** Node runs longer timers at once. */
const LONGEST_MS = 2 ** 31 - 1;
const HOUR_MS = 3_600_000;

export class BreakerWindowConfig {
  @IsIn(['count', 'time'])
  type: 'count' | 'time' = 'count';

  /** Of a `count` window: outcomes. */
  @ValidateIf((window: BreakerWindowConfig) => window.type !== 'time' || window.size !== undefined)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  size: number | undefined;

  /** Of a `time` window: milliseconds, or a text like '30s'. */
  @ValidateIf((window: BreakerWindowConfig) => window.type === 'time' || window.ms !== undefined)
  @Transform(({ value }: { value: unknown }) => durationOf(value))
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @IsPositive()
  @Max(LONGEST_MS)
  ms: number | undefined;

  /** Of a `time` window: steps in which it moves on. Default 10. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  buckets: number | undefined;
}

/** What is no duration stays as it is, for the validation to name. */
function durationOf(value: unknown): unknown {
  try {
    return typeof value === 'string' ? parseDuration(value) : value;
  } catch {
    return value;
  }
}

/** The data of a policy; every field may be left out. See `BreakerPolicy` for what each means. */
export class BreakerPolicyConfig {
  @IsOptional()
  @ValidateNested()
  @Type(() => BreakerWindowConfig)
  window: BreakerPolicyOptions['window'];

  @IsOptional()
  @IsInt()
  @Min(1)
  minimumCalls: number | undefined;

  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(1)
  failureRate: number | undefined;

  @IsOptional()
  @IsInt()
  @Min(1)
  failureThreshold: number | undefined;

  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(LONGEST_MS)
  slowCallMs: number | undefined;

  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(1)
  slowCallRate: number | undefined;

  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(LONGEST_MS)
  openStateTimeoutMs: number | undefined;

  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(LONGEST_MS)
  maxOpenStateTimeoutMs: number | undefined;

  @IsOptional()
  @IsInt()
  @Min(1)
  halfOpenMaxCalls: number | undefined;

  @IsOptional()
  @IsInt()
  @Min(1)
  successThreshold: number | undefined;

  @IsOptional()
  @IsNumber()
  @IsPositive()
  @Max(LONGEST_MS)
  timeoutMs: number | undefined;

  @IsOptional()
  @IsInt()
  @Min(1)
  maxConcurrent: number | undefined;

  @IsOptional()
  @IsBoolean()
  enabled: boolean | undefined;
}

/** What instances of the service tell each other. */
export class BreakerShareConfig {
  /** The name of the cache in the application; default: its default cache. By hand the cache is a dependency. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  cache: string | undefined;

  /** Instances that must see a breaker failing before it opens for all. */
  @IsInt()
  @Min(1)
  quorum = 2;

  /** How often views are exchanged, and after how long at most the others know. */
  @IsInt()
  @Min(10)
  @Max(60_000)
  intervalMs = 1000;
}

/** Configuration of the breakers of a service. `default` and `policies` are hot. */
export class BreakerConfig {
  @ValidateNested()
  @Type(() => BreakerPolicyConfig)
  default: BreakerPolicyOptions = new BreakerPolicyConfig();

  /** By the breaker's name; what a policy does not say, `default` says. */
  @ValidateNested({ each: true })
  @Type(() => BreakerPolicyConfig)
  policies: Map<string, BreakerPolicyOptions> = new Map<string, BreakerPolicyOptions>();

  /** Default: off, every instance decides by itself. */
  @IsOptional()
  @ValidateNested()
  @Type(() => BreakerShareConfig)
  share: BreakerShareConfig | undefined;

  /** A closed breaker whose window holds no failure, and to which nobody listens, is forgotten when unused for so long. */
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  idleMs = HOUR_MS;
}

/** How `share` is written: `true` for its defaults. A ready cache may stand in for its name. */
export interface BreakerShareOptions {
  readonly cache?: string | CacheProvider | undefined;
  readonly quorum?: number | undefined;
  readonly intervalMs?: number | undefined;
}

/** A `BreakerConfig` as callers write it: any part of it, plain. */
export interface BreakerOptions {
  readonly default?: BreakerPolicyOptions | undefined;
  readonly policies?:
    Readonly<Record<string, BreakerPolicyOptions>> | ReadonlyMap<string, BreakerPolicyOptions> | undefined;
  readonly share?: BreakerShareOptions | boolean | undefined;
  readonly idleMs?: number | undefined;
}

/** The same in every environment: count window of 100, opened at half of at least 10 calls failed, tried again after 30 s. */
export function defaultBreakerConfig(_env: string): BreakerConfig {
  const config = new BreakerConfig();
  config.default = { ...POLICY_DEFAULTS, minimumCalls: 10 };
  return config;
}
