import type { Agg, AggBucket, AggResult, CalendarInterval, RangeOf, StatsResult } from '../../es.types.js';
import type { Fields } from '../../operations/fields.js';
import { intervalStart, nextStart } from './calendar.js';
import { fieldValues } from './memory-filter.js';
import { comparable, inRange } from './memory-values.js';

type Values = readonly (readonly unknown[])[];

export function aggregate(agg: Agg, sources: readonly unknown[], fields: Fields): AggResult {
  const of = (field: string): Values => sources.map((source) => fieldValues(source, field, fields));
  if ('terms' in agg) return terms(of(agg.terms.field), fields.typeOf(agg.terms.field), agg.terms.size ?? 10);
  const numbers = (field: string): number[][] => {
    const type = fields.typeOf(field);
    return of(field).map((values) => values.map((value) => Number(comparable(value, type))));
  };
  if ('range' in agg)
    return {
      buckets: agg.range.ranges.map((range) => rangeBucket(range, numbers(agg.range.field))).sort(byFrom),
    };
  if ('stats' in agg) return stats(numbers(agg.stats.field).flat());
  const { field, interval, timeZone = 'UTC' } = agg.dateHistogram;
  return { buckets: histogram(numbers(field), interval, timeZone) };
}

function terms(values: Values, type: string | undefined, size: number): AggResult {
  const counts = new Map<string | number, number>();
  for (const each of values)
    for (const key of new Set(each.map((value) => keyOf(value, type))))
      counts.set(key, (counts.get(key) ?? 0) + 1);
  const buckets = [...counts]
    .map(([key, count]) => ({ key, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
  return { buckets: buckets.slice(0, size) };
}

function keyOf(value: unknown, type: string | undefined): string | number {
  if (type === 'boolean' || typeof value === 'boolean') return String(value);
  return comparable(value, type) ?? String(value);
}

const shownBound = (bound: number | undefined): string => {
  if (bound === undefined) return '*';
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
};

function rangeBucket(range: RangeOf, values: readonly (readonly number[])[]): AggBucket {
  const { from, to, key = `${shownBound(from)}-${shownBound(to)}` } = range;
  const count = values.filter((each) => each.some((value) => inRange(value, range))).length;
  return { key, count, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function byFrom(a: AggBucket, b: AggBucket): number {
  return (a.from ?? -Infinity) - (b.from ?? -Infinity) || (a.to ?? Infinity) - (b.to ?? Infinity) || 0;
}

function stats(values: readonly number[]): StatsResult {
  const sum = values.reduce((total, value) => total + value, 0);
  if (values.length === 0) return { count: 0, min: null, max: null, avg: null, sum: 0 };
  const [min, max] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  return { count: values.length, min: min ?? null, max: max ?? null, avg: sum / values.length, sum };
}

/** Intervals without a document between others have a bucket too. */
function histogram(
  values: readonly (readonly number[])[],
  interval: CalendarInterval,
  timeZone: string,
): AggBucket[] {
  const counts = new Map<number, number>();
  for (const each of values)
    for (const start of new Set(each.map((at) => intervalStart(at, interval, timeZone))))
      counts.set(start, (counts.get(start) ?? 0) + 1);
  const starts = [...counts.keys()].sort((a, b) => a - b);
  const [first, last] = [starts[0], starts.at(-1)];
  const buckets: AggBucket[] = [];
  if (first === undefined || last === undefined) return buckets;
  for (let at = first; at <= last; at = nextStart(at, interval, timeZone))
    buckets.push({ key: new Date(at).toISOString(), count: counts.get(at) ?? 0 });
  return buckets;
}
