import { statSync } from 'node:fs';
import { Type } from 'class-transformer';
import {
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  Matches,
  Min,
  MinLength,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { ConfigError, envText, parseConfig, resolveEnv } from '@infra-kit/kernel';
import { isLogLevel, LOG_LEVELS, type LogLevel } from './levels/log-level.js';

/** When a file is set aside, and what is kept. */
export class RotationConfig {
  /** A file that would grow beyond it is set aside, in mebibytes. */
  @IsNumber()
  @IsPositive()
  maxSizeMb = 100;
  /** Files set aside that are kept; 0 keeps all. */
  @IsInt()
  @Min(0)
  maxBackups = 5;
  /** Files set aside that are older go; 0 for no limit. */
  @IsNumber()
  @Min(0)
  maxAgeDays = 30;
  /** Packs files set aside with gzip, in the background. */
  @IsBoolean()
  compress = true;
}

/** The access line of each request. */
export class HttpLogConfig {
  @IsBoolean()
  enabled = true;
  /** Paths, and everything below them, that get no access line. */
  @IsArray()
  @IsString({ each: true })
  ignorePaths: string[] = ['/health', '/metrics'];
  /** A request that takes longer is a warning; 0 for none. */
  @IsNumber()
  @Min(0)
  slowMs = 1000;
}

/** Identical messages (level, namespace, text) beyond it are counted and summed up, not written. `fatal` is exempt. */
export class BurstConfig {
  /** Written each second in the long run. */
  @IsNumber()
  @IsPositive()
  perSecond = 10;
  /** Written at once before that rate counts. */
  @IsInt()
  @Min(1)
  first = 10;
}

const LEVELS_PHRASE = `one of ${LOG_LEVELS.join(', ')}`;

function wrongLevels(levels: unknown): string[] {
  if (typeof levels !== 'object' || levels === null) return [];
  return Object.entries(levels)
    .filter(([, level]) => !isLogLevel(level))
    .map(([namespace, level]) => `${namespace}: ${JSON.stringify(level)}`);
}

/** Each value a level; the message names the namespaces that have none. */
const AreLevels = (): PropertyDecorator =>
  ValidateBy({
    name: 'areLevels',
    validator: {
      validate: (levels) => wrongLevels(levels).length === 0,
      defaultMessage: (args) => `each must be ${LEVELS_PHRASE}, not ${wrongLevels(args?.value).join(', ')}`,
    },
  });

function isFolder(path: unknown): boolean {
  if (typeof path !== 'string') return false;
  if (/[\\/]$/.test(path)) return true;
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const IsNoFolder = (): PropertyDecorator =>
  ValidateBy({
    name: 'isNoFolder',
    validator: {
      validate: (path) => {
        try {
          return !isFolder(path);
        } catch {
          return true; // a path that cannot be looked at is a fault of the disk, not of the configuration
        }
      },
      defaultMessage: () => 'must be stdout, stderr or the path of a file, not a directory',
    },
  });

/** Settings of the log component. Hot: `level`, `levels`, `redact`, `burst`, `http`; the rest needs a restart. */
export class ClogConfig {
  @IsIn(LOG_LEVELS, { message: `must be ${LEVELS_PHRASE}` })
  level: LogLevel = 'info';
  /** By namespace; the longest prefix wins. */
  @IsObject()
  @AreLevels()
  levels: Record<string, LogLevel> = {};
  /** `console` is for eyes and uses pino-pretty. */
  @IsIn(['json', 'console'])
  format: 'json' | 'console' = 'json';
  /** `stdout`, `stderr` or the path of a file. */
  @IsString()
  @MinLength(1)
  @IsNoFolder()
  output = 'stdout';
  /** Adds `source`, the caller's file:line; several times the cost of the line. */
  @IsBoolean()
  addSource = false;
  /** Of the console format; default: when the output is a terminal. */
  @IsOptional()
  @IsBoolean()
  color?: boolean | undefined;
  /** Source files below it are shown relative to it; default the working directory. */
  @IsOptional()
  @IsString()
  rootPath?: string | undefined;
  /** Of a file. */
  @ValidateNested()
  @Type(() => RotationConfig)
  rotation: RotationConfig = new RotationConfig();
  /** Added to `DEFAULT_REDACT`: names of keys, or paths such as `user.email` and `card.*`. Case does not matter. */
  @IsArray()
  @ArrayUnique()
  @IsString({ each: true })
  @Matches(/^[^\s[\]]+$/, {
    each: true,
    message: 'each must be a key or a dotted path; arrays are passed through',
  })
  redact: string[] = [];
  @ValidateNested()
  @Type(() => HttpLogConfig)
  http: HttpLogConfig = new HttpLogConfig();
  /** None: every line is written. */
  @IsOptional()
  @ValidateNested()
  @Type(() => BurstConfig)
  burst?: BurstConfig | undefined;
}

type Open<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What the code may pass: any part of it. */
export type ClogOptions = Open<Omit<ClogConfig, 'rotation' | 'http' | 'burst'>> & {
  readonly rotation?: Open<RotationConfig> | undefined;
  readonly http?: Open<HttpLogConfig> | undefined;
  readonly burst?: Open<BurstConfig> | undefined;
};

/** Development: debug, for eyes. Everything else: info, JSON. */
export function defaultClogConfig(env: string = resolveEnv()): ClogConfig {
  const config = new ClogConfig();
  if (env === 'development') Object.assign(config, { level: 'debug', format: 'console' });
  return config;
}

const given = (settings: object): object =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));

function fromEnvironment(): object {
  return given({
    level: envText('LOG_LEVEL')?.toLowerCase(),
    format: envText('LOG_FORMAT')?.toLowerCase(),
  });
}

/** What the code passes, then LOG_LEVEL and LOG_FORMAT, then the defaults of `env`; validated as one. */
export function settleClogConfig(
  input: unknown,
  place: { readonly env: string; readonly instance: string },
): ClogConfig {
  const { env, instance } = place;
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new ConfigError('clog', ['expected an object of settings'], instance);
  const merged = { ...given(defaultClogConfig(env)), ...fromEnvironment(), ...given(input) };
  return parseConfig(ClogConfig, merged, { component: 'clog', instance });
}
