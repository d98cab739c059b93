import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  Min,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { isProductionLike } from '@infra-kit/kernel';
import type { CacheDriver } from './drivers/cache-driver.js';

const LONGEST_MS = 2 ** 31 - 1;

/** What TLS needs beyond a URL, as PEM text. */
export class CacheTlsConfig {
  @IsOptional()
  @IsString()
  ca?: string | undefined;

  @IsOptional()
  @IsString()
  cert?: string | undefined;

  @IsOptional()
  @IsString()
  key?: string | undefined;

  /** The name the server's certificate is checked against; default: the host. */
  @IsOptional()
  @IsString()
  servername?: string | undefined;

  /** Default true. */
  @IsOptional()
  @IsBoolean()
  rejectUnauthorized?: boolean | undefined;
}

/** The address of one sentinel. */
export class CacheSentinelConfig {
  @IsString()
  @MinLength(1)
  host = '';

  @IsInt()
  @Min(1)
  @Max(65_535)
  port = 26_379;
}

/** The near cache: a first level in the process, over Redis. */
export class CacheNearConfig {
  /** Entries it holds; the least recently used goes. */
  @IsInt()
  @Min(1)
  maxEntries = 10_000;

  /** The longest it keeps a value without asking again; an entry's own expiry is kept to as well. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  ttlMs = 30_000;

  /** A copy for each reader, in place of one value that all share (frozen in development and test). */
  @IsBoolean()
  clone = false;

  /** How often the connection that brings invalidations is asked; no answer within it empties the near cache. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  pingMs = 1000;
}

/** Configuration of a cache. Durations are milliseconds, or texts like '30s'. */
export class CacheConfig {
  /** `memory`, `redis`, or a ready driver, which stays its giver's to close. Default: `redis` where there is an address. */
  @IsOptional()
  @IsIn(['memory', 'redis'], { message: "driver must be 'memory', 'redis' or a CacheDriver" })
  driver: 'memory' | 'redis' | CacheDriver | undefined;

  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. Default: REDIS_URL. */
  @IsOptional()
  @IsString()
  url: string | undefined;

  /** Sentinels that know where the master is; instead of `url`. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => CacheSentinelConfig)
  sentinels: readonly CacheSentinelConfig[] | undefined;

  /** The master's name among the sentinels. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  sentinelName: string | undefined;

  /** Some masters of a Redis Cluster, which know the others: `{ host, port }`, `host:port` or URLs; instead of `url`. */
  @IsOptional()
  @IsArray()
  clusterNodes:
    readonly (string | { readonly host: string; readonly port?: number | undefined })[] | undefined;

  /** Wins over the one in `url`, as do `password` and `db`. */
  @IsOptional()
  @IsString()
  username: string | undefined;

  @IsOptional()
  @IsString()
  password: string | undefined;

  /** `true`, or certificates. Default: what the URL's scheme says. */
  @ValidateIf((config: CacheConfig) => config.tls !== undefined && typeof config.tls !== 'boolean')
  @ValidateNested()
  @Type(() => CacheTlsConfig)
  tls: boolean | CacheTlsConfig | undefined;

  @IsOptional()
  @IsInt()
  @Min(0)
  db: number | undefined;

  /** Stands before every key, those of scripts included. */
  @IsString()
  keyPrefix = '';

  /** Connections. Reads take turns; what writes a key travels on that key's own, so that no write overtakes another. */
  @IsInt()
  @Min(1)
  @Max(256)
  poolSize = 1;

  /** Limit for one attempt to connect, handshake included. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  connectTimeoutMs = 5000;

  /** Limit for one call, all its tries included. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  commandTimeoutMs = 1000;

  /** How often a read is tried again after it failed UNAVAILABLE, sent or not. Writes never are. Hot. */
  @IsInt()
  @Min(0)
  @Max(10)
  maxRetries = 1;

  /** How values become bytes: `json`; `msgpack` (needs @msgpack/msgpack); `raw`: strings and bytes in, Buffers out. */
  @IsIn(['json', 'raw', 'msgpack'])
  codec: 'json' | 'raw' | 'msgpack' = 'json';

  /** For writes that name no ttl; counters excepted. Default: none, entries stay. Hot. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  defaultTtlMs: number | undefined;

  /** Entries the memory driver holds; the least recently used goes. Hot. */
  @IsInt()
  @Min(1)
  maxEntries = 100_000;

  /** A first level in the process, kept right by Redis' client tracking. Default: none. The memory driver needs none. */
  @IsOptional()
  @ValidateNested()
  @Type(() => CacheNearConfig)
  near: CacheNearConfig | undefined;

  /** Loads of `getOrSet` at once while the cache server is away; further ones wait their turn. Hot. */
  @IsInt()
  @Min(1)
  maxFallbackLoads = 64;

  /** How long a load of `getOrSet` is one process' alone; renewed every third while it runs. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  loadLeaseMs = 5000;

  /** The ttl of a lock that names none. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  lockTtlMs = 10_000;
}

/** A `CacheConfig` as callers write it: any part of it, plain. */
export type CacheOptions = {
  readonly [K in keyof Omit<CacheConfig, 'near'>]?: CacheConfig[K] | undefined;
} & {
  readonly near?: { readonly [K in keyof CacheNearConfig]?: CacheNearConfig[K] | undefined } | undefined;
};

/** Memory in development and test; in production Redis, whose address must come from the code or REDIS_URL. */
export function defaultCacheConfig(env: string): CacheConfig {
  const config = new CacheConfig();
  config.driver = isProductionLike(env) ? 'redis' : 'memory';
  return config;
}
