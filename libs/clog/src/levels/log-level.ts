import { InfraError, type LogMethod } from '@infra-kit/kernel';

export type LogLevel = LogMethod | 'silent';

/** Severities as pino numbers them; a line is written when its number reaches the threshold. */
export const SEVERITY: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: Infinity,
};

export const LOG_LEVELS = Object.keys(SEVERITY) as readonly LogLevel[];

export function isLogLevel(value: unknown): value is LogLevel {
  return typeof value === 'string' && Object.hasOwn(SEVERITY, value);
}

/** INVALID_ARGUMENT for anything that is no level. */
export function requireLevel(value: unknown): LogLevel {
  if (isLogLevel(value)) return value;
  const got = typeof value === 'string' ? JSON.stringify(value) : typeof value;
  throw new InfraError('INVALID_ARGUMENT', `level: one of ${LOG_LEVELS.join(', ')}, got ${got}`, {
    component: 'clog',
  });
}
