import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { messageOf } from '@infra-kit/kernel';

/** What JSON would make something else of, silently. */
function refuseForeign(key: string, value: unknown): unknown {
  const where = key === '' ? 'it' : `"${key}"`;
  if (typeof value === 'bigint') throw new TypeError(`${where} is a bigint; pass it as text`);
  if (value instanceof Map || value instanceof Set)
    throw new TypeError(`${where} is a Map or Set; pass an object or a list`);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${where} is ${value}`);
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`${where} is a ${typeof value}`);
  return value;
}

/**
 * Canonical JSON (RFC 8785): members sorted by code unit, `undefined` members dropped, -0 is 0. Dates and Buffers are
 * what their `toJSON` says. Throws a TypeError for what JSON cannot say: bigint, NaN, Map, Set, functions, circles.
 */
export function canonicalJson(value: unknown): string {
  JSON.stringify(value, refuseForeign);
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('it is nothing that JSON can write');
  return text;
}

/** A hash of the canonical JSON; undefined for undefined: not to be compared. */
export function fingerprintOf(value: unknown, refuse: (why: string) => Error): string | undefined {
  if (value === undefined) return undefined;
  try {
    return createHash('sha256').update(canonicalJson(value)).digest('base64url');
  } catch (error) {
    throw refuse(`fingerprint must be a value that JSON can write: ${messageOf(error)}`);
  }
}
