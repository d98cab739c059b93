import { messageOf } from '@infra-kit/kernel';
import { coordError, invalidArgument, shown, type CoordPlace } from '../coord.errors.js';

function refuseUnlessJson(this: unknown, key: string, value: unknown): unknown {
  const lost =
    ['function', 'symbol', 'bigint'].includes(typeof value) ||
    (typeof value === 'number' && !Number.isFinite(value)) ||
    (value === undefined && (Array.isArray(this) || key === '')) ||
    value instanceof Map ||
    value instanceof Set;
  if (lost) throw new TypeError(`${key === '' ? 'it' : `'${key}'`} is ${describe(value)}`);
  return value;
}

function describe(value: unknown): string {
  if (value instanceof Map) return 'a Map';
  if (value instanceof Set) return 'a Set';
  return typeof value === 'bigint' ? `the bigint ${value}` : shown(value);
}

/** JSON text of a value. INVALID_ARGUMENT for what JSON would lose; undefined members of objects are left out. */
export function encodeValue(place: CoordPlace, value: unknown): string {
  try {
    return JSON.stringify(value, refuseUnlessJson);
  } catch (error) {
    throw invalidArgument(place, `value must be what JSON can hold: ${messageOf(error)}`);
  }
}

/** Where a text stops being JSON. The rest of what the engine says quotes the text, which may be a secret. */
const PLACE = / at position \d+ \(line \d+ column \d+\)$/;

/** DATA_LOSS, naming the key, for a text that is not JSON. */
export function decodeValue(place: CoordPlace, path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const [where = ''] = PLACE.exec(messageOf(error)) ?? [];
    throw coordError(place, 'DATA_LOSS', `the document ${shown(path)} is not JSON${where}; set it anew`);
  }
}
