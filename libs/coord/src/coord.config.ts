import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { isProductionLike } from '@infra-kit/kernel';
import type { CoordDriver } from './drivers/coord-driver.js';

const LONGEST_MS = 2 ** 31 - 1;

/** What TLS needs, as PEM text. */
export class CoordTlsConfig {
  /** Whom to trust; default: the authorities Node trusts. */
  @IsOptional()
  @IsString()
  ca: string | undefined;

  /** The client's own certificate; `cert` and `key` go together. */
  @IsOptional()
  @IsString()
  cert: string | undefined;

  @IsOptional()
  @IsString()
  key: string | undefined;
}

/** How a silent connection is found out. */
export class CoordKeepAliveConfig {
  /** How long nothing must have come before the connection is asked; etcd refuses less than 5,000. */
  @IsInt()
  @Min(5000)
  @Max(LONGEST_MS)
  timeMs = 10_000;

  /** How long the answer may take. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  timeoutMs = 3000;
}

/** Configuration of a coord. Durations are milliseconds, or texts like '30s'. */
export class CoordConfig {
  /** `memory`, `etcd`, or a ready driver, which stays its giver's to close. Default: `etcd` where there is an address. */
  @IsOptional()
  @IsIn(['memory', 'etcd'], { message: "driver must be 'memory', 'etcd' or a CoordDriver" })
  driver: 'memory' | 'etcd' | CoordDriver | undefined;

  /** `host:port`, or `http://` and `https://` URLs; a list, or one text with commas. Default: ETCD_ENDPOINTS. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsString({ each: true })
  endpoints: readonly string[] | undefined;

  /** Limit for the start: connection, TLS and authentication included. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  dialTimeoutMs = 5000;

  /** Limit for one call to the store. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  requestTimeoutMs = 3000;

  /** `username` and `password` go together. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  username: string | undefined;

  @IsOptional()
  @IsString()
  password: string | undefined;

  /** Certificates; an `https://` endpoint needs none where Node trusts the server's. */
  @IsOptional()
  @ValidateNested()
  @Type(() => CoordTlsConfig)
  tls: CoordTlsConfig | undefined;

  /** Stands before every key in the store. One leading slash is implied; '' is allowed. */
  @IsString()
  @Matches(/^(\/?[^/]+)*$/, { message: "prefix must be a path without '//' and without '/' at its end" })
  prefix = '/infra';

  /** For locks that name no ttl. Hot. */
  @IsInt()
  @Min(1000)
  @Max(LONGEST_MS)
  lockTtlMs = 10_000;

  /** How often watched configuration is listed again in full. Hot. */
  @IsInt()
  @Min(1000)
  @Max(LONGEST_MS)
  resyncIntervalMs = 60_000;

  /** A folder for the last good configuration: with it the start succeeds while the store is away. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  snapshotDir: string | undefined;

  /** False: a silent connection is found out by calls alone. */
  @ValidateIf((config: CoordConfig) => typeof config.keepAlive !== 'boolean')
  @ValidateNested()
  @Type(() => CoordKeepAliveConfig)
  keepAlive: boolean | CoordKeepAliveConfig = true;
}

/** A `CoordConfig` as callers write it: any part of it, plain. */
export type CoordOptions = {
  readonly [K in keyof Omit<CoordConfig, 'endpoints' | 'tls' | 'keepAlive'>]?: CoordConfig[K] | undefined;
} & {
  readonly endpoints?: readonly string[] | string | undefined;
  readonly tls?: { readonly [K in keyof CoordTlsConfig]?: CoordTlsConfig[K] } | undefined;
  readonly keepAlive?:
    boolean | { readonly [K in keyof CoordKeepAliveConfig]?: CoordKeepAliveConfig[K] } | undefined;
};

/** Memory in development and test; in production etcd, whose address must come from the code or ETCD_ENDPOINTS. */
export function defaultCoordConfig(env: string): CoordConfig {
  const config = new CoordConfig();
  config.driver = isProductionLike(env) ? 'etcd' : 'memory';
  return config;
}
