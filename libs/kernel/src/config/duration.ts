import { inspect } from 'node:util';
import { InfraError } from '../errors/infra-error.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/** Milliseconds of `'250ms'`, `'30s'`, `'5m'`, `'24h'`, `'7d'`; undefined for any other text. */
export function durationText(text: string): number | undefined {
  const [, amount, unit = ''] = DURATION.exec(text.trim()) ?? [];
  return amount === undefined ? undefined : Number(amount) * (UNITS[unit] ?? Number.NaN);
}

/** Milliseconds of a number or of a text with a unit. INVALID_ARGUMENT for anything else. */
export function parseDuration(value: number | string): number {
  const ms = typeof value === 'string' ? durationText(value) : value;
  if (typeof ms === 'number' && Number.isFinite(ms) && ms >= 0) return ms;
  throw new InfraError(
    'INVALID_ARGUMENT',
    `not a duration: ${inspect(value)}; write milliseconds or '30s', '5m', '24h'`,
  );
}
