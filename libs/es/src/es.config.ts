import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { isProductionLike } from '@infra-kit/kernel';
import type { EsDriver } from './drivers/es-driver.js';

const LONGEST_MS = 2 ** 31 - 1;
const MIB = 1024 * 1024;

/** Who asks: a user with a password, or an API key. */
export class EsAuthConfig {
  @IsOptional()
  @IsString()
  @MinLength(1)
  username: string | undefined;

  @IsOptional()
  @IsString()
  password: string | undefined;

  /** As Elasticsearch gave it, encoded. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  apiKey: string | undefined;
}

/** What TLS needs, as PEM text. */
export class EsTlsConfig {
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

/** How `bulkIndex` and writers send. Hot: writers opened afterwards take it. */
export class EsBulkConfig {
  /** A request is sent when it has grown to this. */
  @IsInt()
  @Min(1024)
  flushBytes = 5 * MIB;

  /** Longest a document waits for company. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  flushIntervalMs = 1000;

  /** Requests under way at once. */
  @IsInt()
  @Min(1)
  @Max(64)
  concurrency = 4;

  /** How often what was refused or not answered is sent again. */
  @IsInt()
  @Min(0)
  @Max(100)
  retries = 5;

  /** With this much waiting or under way, `add` waits. */
  @IsInt()
  @Min(1024)
  maxQueuedBytes = 32 * MIB;
}

/** Configuration of an es. Durations are milliseconds, or texts like '30s'. */
export class EsConfig {
  /** `memory`, `elasticsearch`, or a ready driver, which stays its giver's to close. Default: `elasticsearch` where there is an address. */
  @IsOptional()
  @IsIn(['memory', 'elasticsearch'], { message: "driver must be 'memory', 'elasticsearch' or an EsDriver" })
  driver: 'memory' | 'elasticsearch' | EsDriver | undefined;

  /** URLs; a list, or one text with commas. Default: ELASTICSEARCH_URL. `node` is an alias. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsString({ each: true })
  nodes: readonly string[] | undefined;

  @IsOptional()
  @ValidateNested()
  @Type(() => EsAuthConfig)
  auth: EsAuthConfig | undefined;

  @IsOptional()
  @ValidateNested()
  @Type(() => EsTlsConfig)
  tls: EsTlsConfig | undefined;

  /** Stands before every name; '' is allowed, and then `searchAll` is not. */
  @IsString()
  @Matches(/^([a-z0-9][a-z0-9._-]*)?$/, {
    message: "indexPrefix must be lower case letters, digits, '.', '_' and '-'",
  })
  indexPrefix = '';

  /** Limit for one call, its retries included. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  requestTimeoutMs = 10_000;

  /** How often a call is tried again while the cluster is away. Hot. */
  @IsInt()
  @Min(0)
  @Max(100)
  maxRetries = 3;

  @ValidateNested()
  @Type(() => EsBulkConfig)
  bulk: EsBulkConfig = new EsBulkConfig();

  /** Requests and answers go compressed. */
  @IsBoolean()
  compression = false;
}

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** An `EsConfig` as callers write it: any part of it, plain. */
export type EsOptions = Given<Omit<EsConfig, 'nodes' | 'auth' | 'tls' | 'bulk'>> & {
  readonly nodes?: readonly string[] | string | undefined;
  /** The same as `nodes`. */
  readonly node?: readonly string[] | string | undefined;
  readonly auth?: Given<EsAuthConfig> | undefined;
  readonly tls?: Given<EsTlsConfig> | undefined;
  readonly bulk?: Given<EsBulkConfig> | undefined;
};

/** Memory in development and test; in production Elasticsearch, whose address must come from the code or ELASTICSEARCH_URL. */
export function defaultEsConfig(env: string): EsConfig {
  const config = new EsConfig();
  config.driver = isProductionLike(env) ? 'elasticsearch' : 'memory';
  return config;
}
