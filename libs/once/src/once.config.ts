import 'reflect-metadata';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, Min, MinLength } from 'class-validator';
import type { CacheProvider } from '@infra-kit/cache';
import type { DbProvider } from '@infra-kit/db';
import { isProductionLike } from '@infra-kit/kernel';
import type { OnceStoreKind } from './once.provider.js';

const LONGEST_MS = 2 ** 31 - 1;
/** A year: results are not an archive. */
export const LONGEST_TTL_MS = 366 * 86_400_000;
/** A day: fences are remembered for longer. */
export const LONGEST_LEASE_MS = 86_400_000;
/** With its scope it must fit into a row of PostgreSQL's index. */
const LONGEST_KEY = 512;
export const MOST_RESULT_BYTES = 16 * 1024 * 1024;

/** Configuration of idempotency. Durations are milliseconds, or texts like '30s'. */
export class OnceConfig {
  /** `cache`: in the cache component, under leases; `db`: in the transaction of the effect. Default: the one there is. */
  @IsIn(['cache', 'db'])
  store: OnceStoreKind = 'cache';

  /** Which cache, by its instance's name; inside Nest. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  cache: string | undefined;

  /** Which database, by its instance's name; inside Nest. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  db: string | undefined;

  /** How long a result is replayed. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_TTL_MS)
  ttlMs = 86_400_000;

  /** How long the key of an owner that died stays taken. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_LEASE_MS)
  leaseMs = 30_000;

  /** Stands before every key in the store. */
  @IsString()
  keyPrefix = 'once:';

  /** Characters of a key at most. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_KEY)
  maxKeyLength = 255;

  /** Bytes of a result's JSON at most; of a longer one only that it happened is kept. Hot. */
  @IsInt()
  @Min(0)
  @Max(MOST_RESULT_BYTES)
  maxResultBytes = 65_536;

  /** While the cache store is away: `closed` refuses (UNAVAILABLE), `open` runs unprotected. Hot. */
  @IsIn(['closed', 'open'])
  onStoreError: 'closed' | 'open' = 'closed';

  /** Longest the cache store may keep a call waiting. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  storeTimeoutMs = 200;

  /** Makes the table `infra_once` at start, where there is a database. Default: in development and test. */
  @IsBoolean()
  autoMigrate = true;
}

/** An `OnceConfig` as callers write it: any part of it, plain; for `cache` and `db` ready providers are taken too. */
export type OnceConfigOptions = {
  readonly [K in keyof Omit<OnceConfig, 'cache' | 'db'>]?: OnceConfig[K] | undefined;
} & {
  readonly cache?: string | CacheProvider | undefined;
  readonly db?: string | DbProvider | undefined;
};

/** The same everywhere, but that production makes no tables by itself. */
export function defaultOnceConfig(env: string): OnceConfig {
  const config = new OnceConfig();
  config.autoMigrate = !isProductionLike(env);
  return config;
}
