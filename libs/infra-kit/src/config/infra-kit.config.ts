import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';

const HEADER = /^[a-z0-9-]+$/;
const PATH = /^(\/[\w-]+)+$/;
const LONGEST_MS = 600_000;

export class HttpSettings {
  /** Header in which a trace id comes in (beside `traceparent`) and goes out. */
  @Matches(HEADER, { message: 'traceHeader must be a header name in lower case' })
  traceHeader = 'x-trace-id';

  /** Take the deadline of the caller from `x-deadline-ms`: only behind callers that you trust. */
  @IsBoolean()
  trustDeadlineHeader = false;

  /** Whose errors become application/problem+json: everybody's, the suite's alone, or nobody's. */
  @IsIn(['all', 'infra', false])
  problemJson: 'all' | 'infra' | false = 'all';

  /** The host under which this process is registered with coord. Default: the one it listens on, else its first outside IPv4. */
  @IsOptional()
  @Matches(/^[^\s/:[\]]+$|^\[[0-9a-fA-F:.%]+\]$/, {
    message: 'advertisedHost must be a host without port; an IPv6 one in brackets',
  })
  advertisedHost?: string;
}

export class HealthSettings {
  @Matches(PATH, { message: 'path must look like /health' })
  path = '/health';

  /** Components that make the service not ready while they are down, beside those that are so by themselves. */
  @IsArray()
  @IsString({ each: true })
  critical: string[] = [];

  /** Whether reports show their details. Default: always in development and test, never in production. */
  @IsOptional()
  @IsIn(['always', 'never'])
  details?: 'always' | 'never';
}

export class ShutdownSettings {
  /** Time between the first 503 of readiness and the closing of the listener. Default: production 5,000, development 500, test 0. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  readinessDelayMs?: number;

  /** How long requests that had begun may take to finish. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  drainMs = 10_000;

  /** After this much time since the signal the process exits with code 1. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  hardLimitMs = 30_000;
}

/** What stands beside the components in `InfraKitModule.forRoot`. */
export class InfraKitConfig {
  @IsOptional()
  @Matches(/^[\w.-]+$/, { message: 'service must consist of letters, digits, dots, dashes and underscores' })
  service?: string;

  @IsOptional()
  @Matches(/^[\w.-]+$/, { message: 'env must consist of letters, digits, dots, dashes and underscores' })
  env?: string;

  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => HttpSettings)
  http: HttpSettings = new HttpSettings();

  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => HealthSettings)
  health: HealthSettings = new HealthSettings();

  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ShutdownSettings)
  shutdown: ShutdownSettings = new ShutdownSettings();
}

const READINESS_DELAY_MS: Readonly<Record<string, number>> = { development: 500, test: 0 };
const PRODUCTION_DELAY_MS = 5000;

export function readinessDelayMs(settings: ShutdownSettings, env: string): number {
  return settings.readinessDelayMs ?? READINESS_DELAY_MS[env] ?? PRODUCTION_DELAY_MS;
}
