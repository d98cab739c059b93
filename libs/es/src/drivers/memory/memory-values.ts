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

const WITHOUT_ZONE = /T[\d:.,]+$/;

function instant(text: string): number | undefined {
  const at = Date.parse(WITHOUT_ZONE.test(text) ? `${text}Z` : text);
  return Number.isNaN(at) ? undefined : at;
}

const TIME = /T\d\d(?<minute>:\d\d)?(?<second>:\d\d)?(?<part>[.,]\d+)?/;

/** How many milliseconds after its instant the text of a date still covers: a day without its time is the whole day.
 *  Elasticsearch fills in the time alone: a month is its first day. */
export function coveredMs(value: unknown, type: string | undefined): number {
  if (type !== 'date' || typeof value !== 'string') return 0;
  const time = TIME.exec(value)?.groups;
  if (time === undefined) return 86_399_999;
  if (time['part'] !== undefined) return 0;
  if (time['second'] !== undefined) return 999;
  return time['minute'] === undefined ? 3_599_999 : 59_999;
}

export function sameValue(stored: unknown, wanted: FilterValue, type: string | undefined): boolean {
  const [at, first] = [comparable(stored, type), comparable(wanted, type)];
  if (typeof at !== 'number' || typeof first !== 'number') return at === first;
  return at >= first && at <= first + coveredMs(wanted, type);
}

export function inRange(value: number, { from = -Infinity, to = Infinity }: RangeOf): boolean {
  return value >= from && value < to;
}
