import { ConfigError, envText, parseConfig } from '@infra-kit/kernel';
import { IsInt, Matches, Max, MaxLength, Min } from 'class-validator';
import { LARGEST_INSTANCE_ID } from './snowflake/snowflake-layout.js';

const SERVICE = /^[^\s/]+$/;
const LONGEST_SERVICE = 200;
const LONGEST_WAIT_MS = 10_000;
const HOUR_MS = 3_600_000;

/** Durations may also be written '15s'. */
export class UidConfig {
  /** Under this name instance ids are leased: processes of one service never share one. Environment: SERVICE_NAME. */
  @Matches(SERVICE, { message: 'must be a name without spaces or slashes (SERVICE_NAME)' })
  @MaxLength(LONGEST_SERVICE)
  serviceName: string = 'service';

  /** 1 … 1023; 0: automatic. Environment: INSTANCE_ID. */
  @IsInt({ message: 'must be a whole number (INSTANCE_ID)' })
  @Min(0, { message: 'must be 1 to 1023, or 0 for an automatic id (INSTANCE_ID)' })
  @Max(LARGEST_INSTANCE_ID, { message: 'must be 1 to 1023, or 0 for an automatic id (INSTANCE_ID)' })
  instanceId: number = 0;

  /** The largest id, also for automatic ones. Environment: MAX_INSTANCE_ID. */
  @IsInt({ message: 'must be a whole number (MAX_INSTANCE_ID)' })
  @Min(1, { message: 'must be 1 to 1023 (MAX_INSTANCE_ID)' })
  @Max(LARGEST_INSTANCE_ID, { message: 'must be 1 to 1023 (MAX_INSTANCE_ID)' })
  maxInstanceId: number = LARGEST_INSTANCE_ID;

  /** Where the 41 bits begin, in epoch milliseconds. Never change it while its ids are in use. */
  @IsInt()
  @Min(0)
  epochMs: number = Date.UTC(2020, 0, 1);

  /** The largest step back of the clock that a call waits out, blocking. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_WAIT_MS)
  maxRollbackMs: number = 10;

  /** How far ahead of use the high-water mark is stored: the longest wait of a start after a crash. */
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  highWaterAheadMs: number = 3000;

  /** How long a leased id outlives its last renewal. */
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  leaseTtlMs: number = 15_000;
}

/** Any part of the configuration, as plain data. */
export type UidOptions = { readonly [K in keyof UidConfig]?: UidConfig[K] | undefined };

/** The same in every environment; what differs there is what an automatic id does without a source. */
export function defaultUidConfig(_env: string): UidConfig {
  return new UidConfig();
}

function defined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A text that is no number is left as it is, so that the refusal can quote it. */
function numberFrom(variable: string): unknown {
  const text = envText(variable);
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? text : value;
}

export interface UidPlace {
  readonly env: string;
  readonly service: string;
  readonly name: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** What the code passes, else the environment, else the defaults; every bad field in one ConfigError. */
export function resolveUidConfig(options: UidOptions, { env, service, name, now }: UidPlace): UidConfig {
  const fromEnvironment = {
    serviceName: envText('SERVICE_NAME') ?? service,
    instanceId: numberFrom('INSTANCE_ID'),
    maxInstanceId: numberFrom('MAX_INSTANCE_ID'),
  };
  const settled = { ...defined(defaultUidConfig(env)), ...defined(fromEnvironment), ...defined(options) };
  const config = parseConfig(UidConfig, settled, { component: 'uid', instance: name });
  const problems: string[] = [];
  if (config.instanceId > config.maxInstanceId)
    problems.push(
      `instanceId: must be at most maxInstanceId ${config.maxInstanceId} (got ${config.instanceId})`,
    );
  if (config.epochMs > now)
    problems.push(`epochMs: must not be in the future (got ${config.epochMs}, now ${now})`);
  if (problems.length > 0) throw new ConfigError('uid', problems, name);
  return config;
}
