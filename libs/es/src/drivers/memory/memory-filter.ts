import type { Fields } from '../../operations/fields.js';
import type { FilterPlan, SortPlan } from '../es-driver.js';
import type { SortValue } from '../../es.types.js';
import { comparable, coveredMs, sameValue, valuesAt, type Comparable } from './memory-values.js';

const LONGEST_KEYWORD = 256;

/** Values of a field, or of a part of one: parts hold what their field holds. */
export function fieldValues(source: unknown, field: string, fields: Fields): unknown[] {
  const own = valuesAt(source, field);
  if (own.length > 0 || !field.endsWith('.keyword')) return own;
  const values = valuesAt(source, field.slice(0, -'.keyword'.length));
  return fields.typeOf(field) === 'keyword'
    ? values.filter((value) => String(value).length <= LONGEST_KEYWORD)
    : [];
}

export function passes(filter: FilterPlan, source: unknown, fields: Fields): boolean {
  switch (filter.kind) {
    case 'terms': {
      const type = fields.typeOf(filter.field);
      const values = fieldValues(source, filter.field, fields);
      return values.some((value) => filter.values.some((wanted) => sameValue(value, wanted, type)));
    }
    case 'range': {
      const type = fields.typeOf(filter.field);
      return fieldValues(source, filter.field, fields).some((value) =>
        within(comparable(value, type), filter, type),
      );
    }
    case 'exists':
      return fieldValues(source, filter.field, fields).length > 0;
    case 'not':
      return !passes(filter.filter, source, fields);
    case 'any':
      return filter.filters.some((each) => passes(each, source, fields));
  }
}

function within(
  value: Comparable | undefined,
  { bounds }: Extract<FilterPlan, { kind: 'range' }>,
  type: string | undefined,
): boolean {
  if (value === undefined) return false;
  const holds = (bound: string | number | undefined, test: (limit: Comparable) => boolean): boolean => {
    const limit = bound === undefined ? undefined : comparable(bound, type);
    return limit === undefined || test(limit);
  };
  const last = (limit: Comparable, bound: unknown): Comparable =>
    typeof limit === 'number' ? limit + coveredMs(bound, type) : limit;
  return (
    holds(bounds.gt, (limit) => value > last(limit, bounds.gt)) &&
    holds(bounds.gte, (limit) => value >= limit) &&
    holds(bounds.lt, (limit) => value < limit) &&
    holds(bounds.lte, (limit) => value <= last(limit, bounds.lte))
  );
}

/** What a document is sorted by; null: it lacks the field. Of several values the one that comes first. */
export function sortValue(source: unknown, { field, order }: SortPlan, fields: Fields): Comparable | null {
  const type = fields.typeOf(field);
  const values = fieldValues(source, field, fields)
    .map((value) => comparable(value, type))
    .filter((value) => value !== undefined)
    .sort(ascending);
  return (order === 'asc' ? values[0] : values.at(-1)) ?? null;
}

function ascending(a: Comparable, b: Comparable): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Order of two documents by their sort values. */
export function compareSorted(
  sort: readonly SortPlan[],
  a: readonly SortValue[],
  b: readonly SortValue[],
): number {
  for (const [at, { order, missing }] of sort.entries()) {
    const [left, right] = [a[at] ?? null, b[at] ?? null];
    if (left === right) continue;
    if (left === null || right === null) return (left === null) === (missing === 'first') ? -1 : 1;
    const byValue = ascending(
      Number.isFinite(left) ? Number(left) : String(left),
      Number.isFinite(right) ? Number(right) : String(right),
    );
    if (byValue !== 0) return order === 'asc' ? byValue : -byValue;
  }
  return 0;
}
