import type { CallOptions } from '@infra-kit/kernel';
import { invalidArgument, shown, type CachePlace } from '../cache.errors.js';
import type { CacheGetOrSetOptions, CacheSetOptions } from '../cache.provider.js';
import type { DriverWrite } from '../drivers/cache-driver.js';

/** A ttl as drivers take it: whole milliseconds, undefined for no expiry. INVALID_ARGUMENT for what is no ttl. */
export function driverTtl(place: CachePlace, ttlMs: unknown, field = 'ttlMs'): number | undefined {
  if (ttlMs === Infinity) return undefined;
  if (typeof ttlMs !== 'number' || !(ttlMs > 0) || ttlMs > Number.MAX_SAFE_INTEGER)
    throw invalidArgument(place, `${field} must be milliseconds > 0 and below 2^53, got ${shown(ttlMs)}`);
  return Math.ceil(ttlMs);
}

export function checkOptions(place: CachePlace, options: unknown): void {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw invalidArgument(place, `options must be an object, such as { ttlMs: 5000 }, got ${shown(options)}`);
}

const isSoundTtl = (value: unknown): boolean =>
  typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER;
const isSoundFactor = (value: unknown): boolean =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;

/** Whether options of `getOrSet` are plainly right: for a hit that does not look at each closely. */
export function areSound(options: CacheGetOrSetOptions): boolean {
  if (typeof options !== 'object' || options === null) return false;
  const { ttlMs, staleMs = 0, beta = 0, negativeTtlMs = 1, loadLeaseMs = 1, tags } = options;
  return (
    isSoundTtl(ttlMs) &&
    isSoundFactor(staleMs) &&
    isSoundFactor(beta) &&
    isSoundTtl(negativeTtlMs) &&
    isSoundTtl(loadLeaseMs) &&
    tags === undefined
  );
}

/** What `setMany` was given, as a list. */
export function pairsOf(
  place: CachePlace,
  entries: Iterable<readonly [string, unknown]>,
): (readonly [string, unknown])[] {
  if (typeof entries !== 'object' || entries === null || !(Symbol.iterator in entries))
    throw invalidArgument(place, `entries must be a list or Map of [key, value], got ${shown(entries)}`);
  const pairs = [...entries];
  const bad = pairs.findIndex((entry) => !Array.isArray(entry));
  if (bad !== -1) throw invalidArgument(place, `an entry must be [key, value], got ${shown(pairs[bad])}`);
  return pairs;
}

const FOREVER: DriverWrite = { ttlMs: undefined };

export function driverWrite(
  place: CachePlace,
  options: CacheSetOptions | undefined,
  defaultTtlMs: number | undefined,
): DriverWrite {
  checkOptions(place, options);
  if (options === undefined) return defaultTtlMs === undefined ? FOREVER : { ttlMs: defaultTtlMs };
  const { ifAbsent, ifPresent, keepTtl, ttlMs } = options;
  if (ifAbsent === true && ifPresent === true)
    throw invalidArgument(place, 'ifAbsent and ifPresent exclude each other, got both true');
  if (keepTtl === true && ttlMs !== undefined)
    throw invalidArgument(place, `keepTtl keeps the expiry, so ttlMs must not be given, got ${shown(ttlMs)}`);
  const condition = ifAbsent === true ? 'absent' : ifPresent === true ? 'present' : undefined;
  if (keepTtl === true) return { ttlMs: undefined, condition, keepTtl };
  return { ttlMs: ttlMs === undefined ? defaultTtlMs : driverTtl(place, ttlMs), condition };
}

/** Keys as rest parameters, or one list followed by options. */
export function keysAndOptions(args: readonly unknown[]): {
  keys: unknown;
  options: CallOptions | undefined;
} {
  return Array.isArray(args[0])
    ? { keys: args[0], options: args[1] as CallOptions | undefined }
    : { keys: args, options: undefined };
}
