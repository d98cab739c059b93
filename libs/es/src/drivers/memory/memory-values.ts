import type { FilterValue, RangeOf } from '../../es.types.js';

/** Every value under a dotted path; lists are looked through, as Elasticsearch does. */
export function valuesAt(source: unknown, path: string): unknown[] {
  return collect(source, path.split('.'));
}

function collect(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((each) => collect(each, path));
  if (value === undefined || value === null) return [];
  const [head, ...rest] = path;
  if (head === undefined) return [value];
  if (typeof value !== 'object') return [];
  const whole = path.join('.');
  const direct: unknown = Object.hasOwn(value, whole) ? Reflect.get(value, whole) : undefined;
  if (direct !== undefined) return collect(direct, []);
  return Object.hasOwn(value, head) ? collect(Reflect.get(value, head), rest) : [];
}

export type Comparable = string | number;

/** A value as a field of this type compares it: dates by their instant, booleans as 0 and 1. */
export function comparable(value: unknown, type: string | undefined): Comparable | undefined {
  if (value instanceof Date) return value.getTime();
  if (type === 'date') return typeof value === 'number' ? value : instant(String(value));
  if (type === 'boolean') return String(value) === 'true' ? 1 : 0;
  if (type === 'keyword' || type === 'text') return String(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return value;
  return type === undefined ? String(value) : Number(value);
}

function instant(text: string): number | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

export function sameValue(stored: unknown, wanted: FilterValue, type: string | undefined): boolean {
  return comparable(stored, type) === comparable(wanted, type);
}

export function inRange(value: number, { from = -Infinity, to = Infinity }: RangeOf): boolean {
  return value >= from && value < to;
}
