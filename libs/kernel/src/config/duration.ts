import { InfraError } from '../errors/infra-error.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/** Milliseconds of `'250ms'`, `'30s'`, `'5m'`, `'24h'`, `'7d'`; undefined for any other text. */
export function durationText(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Number(amount) * (UNITS[unit] ?? Number.NaN);
}

/** Milliseconds of a number or of a text with a unit. INVALID_ARGUMENT for anything else. */
export function parseDuration(value: number | string): number {
  const ms = typeof value === 'number' ? value : durationText(value);
  if (ms === undefined || !Number.isFinite(ms) || ms < 0)
    throw new InfraError(
      'INVALID_ARGUMENT',
      `not a duration: ${JSON.stringify(value)}; write milliseconds or '30s', '5m', '24h'`,
    );
  return ms;
}
