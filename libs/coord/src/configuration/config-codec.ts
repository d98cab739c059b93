import { messageOf } from '@infra-kit/kernel';
import { coordError, invalidArgument, shown, type CoordPlace } from '../coord.errors.js';

/** etcd takes requests of 1.5 MiB unless it is told otherwise, and one holds a document twice: as it is, and as history. */
const MOST_BYTES = 750_000;

function refuseUnlessJson(this: unknown, key: string, value: unknown): unknown {
  const given: unknown = Reflect.get(Object(this), key); // a Date has become a text by now
  if (given instanceof Date && Number.isNaN(given.getTime()))
    throw new TypeError(`${key === '' ? 'it' : `'${key}'`} is an invalid Date`);
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

/**
 * JSON text of a value. INVALID_ARGUMENT for what JSON would lose, and for more than the store takes; undefined members
 * of objects are left out.
 */
export function encodeValue(place: CoordPlace, value: unknown): string {
  const text = jsonOf(place, value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_BYTES) return text;
  throw invalidArgument(
    place,
    `value must be at most ${MOST_BYTES} bytes as JSON, got ${bytes}; keep it elsewhere and put its address here`,
  );
}

function jsonOf(place: CoordPlace, value: unknown): string {
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
