import type { AnyEntity, EntityClass, EntitySchema } from '@mikro-orm/core';
import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { isProductionLike } from '@infra-kit/kernel';

const LONGEST_MS = 2 ** 31 - 1;

/** An entity as MikroORM takes it: a class, or what `defineEntity` gives. */
export type DbEntity = EntityClass<AnyEntity> | EntitySchema;

export class DbPoolConfig {
  /** Connections kept open when idle. */
  @IsInt()
  @Min(0)
  min = 0;

  /** Connections at most, a server. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  max = 10;

  /** An idle connection above `min` is closed after this long. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  idleTimeoutMs = 10_000;

  /** Limit for getting a connection: a new one, or one that another gives back. RESOURCE_EXHAUSTED after it. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  acquireTimeoutMs = 5000;
}

export class DbConnectRetryConfig {
  /** Attempts to reach the server at start. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  attempts = 1;

  /** Pause between two attempts. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  delayMs = 1000;
}

export class DbMigrationsConfig {
  /** The folder of the migrations' JavaScript, as @mikro-orm/migrations writes and reads it. */
  @IsString()
  @MinLength(1)
  path = '';
}

export class DbShardServerConfig {
  /** Stable: the slot table knows the server by it. */
  @IsString()
  @MinLength(1)
  name = '';

  @IsString()
  @MinLength(1)
  url = '';
}

export class DbShardTableConfig {
  /** The property whose value says where a row lives. */
  @IsString()
  @MinLength(1)
  key = '';
}

export class DbShardingConfig {
  /** Where the shards are; with `driver: 'embedded'` none are named, its one server has them all. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ValidateNested({ each: true })
  @Type(() => DbShardServerConfig)
  servers: readonly DbShardServerConfig[] | undefined;

  /** The sharded tables, by their names. */
  @ValidateNested()
  @Type(() => DbShardTableConfig)
  tables: Map<string, DbShardTableConfig> = new Map();

  /** Schemas that the 1,024 slots are spread over. */
  @IsInt()
  @Min(1, { message: 'shards must be 1 to 1024' })
  @Max(1024, { message: 'shards must be 1 to 1024' })
  shards = 16;
}

/** Configuration of a database. Durations are milliseconds, or texts like '30s'. */
export class DbConfig {
  /** Default: `postgresql` where there is an address, else `embedded`; in production an address is needed. */
  @IsOptional()
  @IsIn(['embedded', 'postgresql'])
  driver: 'embedded' | 'postgresql' | undefined;

  /** What the embedded driver runs: a PostgreSQL server from npm, or PGlite in this process. */
  @IsIn(['postgres', 'pglite'])
  embedded: 'postgres' | 'pglite' = 'postgres';

  /** `postgresql://user:password@host:port/database`. Default: DATABASE_URL. */
  @IsOptional()
  @IsString()
  url: string | undefined;

  /** Addresses of replicas, which read. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  replicas: readonly string[] | undefined;

  /** How long reads keep to the primary after a write of the same context. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  replicaLagMs = 1000;

  /** Entities of MikroORM; none are needed where `sql` is all that is used. */
  @IsOptional()
  @IsArray()
  entities: readonly DbEntity[] | undefined;

  @ValidateNested()
  @Type(() => DbPoolConfig)
  pool: DbPoolConfig = new DbPoolConfig();

  /** The server's own limit for one statement; 0: none. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  statementTimeoutMs = 30_000;

  /** Queries at least this slow are logged, with their SQL and without parameters. Hot. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  slowQueryMs = 200;

  /** What MikroORM says of its own; `info` logs every query. Hot. */
  @IsIn(['silent', 'error', 'warn', 'info'])
  logLevel: 'silent' | 'error' | 'warn' | 'info' = 'warn';

  /** Parameters in logged queries: they may be personal data. */
  @IsBoolean()
  logParameters = false;

  /** Creates missing tables and columns at start. Default: true in development and test. */
  @IsOptional()
  @IsBoolean()
  autoMigrate: boolean | undefined;

  @IsOptional()
  @ValidateNested()
  @Type(() => DbMigrationsConfig)
  migrations: DbMigrationsConfig | undefined;

  @ValidateNested()
  @Type(() => DbConnectRetryConfig)
  connectRetry: DbConnectRetryConfig = new DbConnectRetryConfig();

  /** Embedded: a folder that keeps the data. Without it they go at close. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  dataDir: string | undefined;

  @IsOptional()
  @ValidateNested()
  @Type(() => DbShardingConfig)
  sharding: DbShardingConfig | undefined;
}

/** A `DbConfig` as callers write it: any part of it, plain. */
export interface DbOptions extends Readonly<
  Partial<Omit<DbConfig, 'pool' | 'connectRetry' | 'migrations' | 'sharding' | 'replicas' | 'entities'>>
> {
  readonly entities?: readonly DbEntity[] | undefined;
  readonly replicas?: readonly string[] | undefined;
  readonly pool?: Partial<DbPoolConfig> | undefined;
  readonly connectRetry?: Partial<DbConnectRetryConfig> | undefined;
  readonly migrations?: DbMigrationsConfig | undefined;
  readonly sharding?:
    | {
        readonly servers?: readonly DbShardServerConfig[] | undefined;
        readonly tables: Readonly<Record<string, DbShardTableConfig>>;
        readonly shards?: number | undefined;
      }
    | undefined;
}

/** Embedded in development and test; in production a server, whose address must come from the code or DATABASE_URL. */
export function defaultDbConfig(env: string): DbConfig {
  const config = new DbConfig();
  config.driver = isProductionLike(env) ? 'postgresql' : 'embedded';
  config.autoMigrate = !isProductionLike(env);
  return config;
}
