import type { CallOptions } from '@infra-kit/kernel';
import type { HighlightPlan, SearchPlan, SortPlan, WeighedField } from '../drivers/es-driver.js';
import { invalidArgument, shown, type EsPlace } from '../es.errors.js';
import type { Agg, Filter, HighlightOptions, MatchKind, SearchQuery, Sort } from '../es.types.js';
import { FilterCompiler } from './compile-filter.js';
import { compileText } from './compile-text.js';
import type { FieldCatalog } from './field-catalog.js';
import { Fields } from './fields.js';

export const MOST_REACHED = 10_000;
const DEFAULT_SIZE = 20;
const MATCHES: readonly MatchKind[] = ['any', 'all', 'phrase', 'prefix', 'fuzzy'];
const INTERVALS: readonly unknown[] = ['minute', 'hour', 'day', 'week', 'month', 'year'];
const WEIGHED = /^(?<name>[^^]+)(?:\^(?<boost>\d+(?:\.\d+)?))?$/;
const AGGREGATION_NAME = /^[^[\]>]+$/;
const NO_FIELDS = new Fields([]);

/** Checks a query and resolves its fields: what the drivers get is complete and sound. */
export class SearchCompiler {
  readonly #place: EsPlace;
  readonly #catalog: FieldCatalog;

  constructor(place: EsPlace, catalog: FieldCatalog) {
    this.#place = place;
    this.#catalog = catalog;
  }

  check(query: SearchQuery): void {
    if (typeof query !== 'object' || query === null)
      throw this.#bad(`query must be an object, got ${shown(query)}`);
  }

  async compile(index: string, query: SearchQuery, options: CallOptions | undefined): Promise<SearchPlan> {
    this.check(query);
    const { from = 0, size = DEFAULT_SIZE } = query;
    this.#checkReach(from, size);
    const text = this.#text(query);
    const needsFields =
      (text !== '' && query.fields === undefined) ||
      [query.filter, query.sort, query.aggregations].some((part) => part !== undefined);
    const fields = needsFields ? await this.#catalog.fieldsOf(index, options) : NO_FIELDS;
    const exact = new FilterCompiler(this.#place, fields);
    const sort = listOf(query.sort).map((each, at) => this.#sort(each, `sort[${at}]`, exact, fields));
    this.#checkAfter(query, sort, from);
    if (query.filter !== undefined && !Array.isArray(query.filter))
      throw this.#bad(`filter must be a list, got ${shown(query.filter)}`);
    return {
      index,
      text:
        text === ''
          ? undefined
          : compileText(text, this.#match(query.match), this.#weighed(query.fields, fields)),
      filters: (query.filter ?? []).map((filter: Filter, at) => exact.compile(filter, `filter[${at}]`)),
      sort,
      from,
      size,
      after: query.after,
      highlight: this.#highlight(query.highlight),
      aggregations: this.#aggregations(query.aggregations, exact),
      source: this.#source(query.source),
      raw: query.raw,
    };
  }

  #checkReach(from: number, size: number): void {
    for (const [name, value] of Object.entries({ from, size }))
      if (!Number.isInteger(value) || value < 0)
        throw this.#bad(`${name} must be a whole number ≥ 0, got ${shown(value)}`);
    if (from + size > MOST_REACHED)
      throw this.#bad(
        `from + size must be at most ${MOST_REACHED}, got ${from} + ${size}; use iterate, or after, to go deeper`,
      );
  }

  #checkAfter({ after }: SearchQuery, sort: readonly SortPlan[], from: number): void {
    if (after === undefined) return;
    if (!Array.isArray(after) || after.length !== sort.length || after.length === 0)
      throw this.#bad("after must hold one value for each field of sort: take the last hit's sort");
    if (from > 0) throw this.#bad(`from must be 0 beside after, got ${from}`);
  }

  #text({ text }: SearchQuery): string {
    if (text === undefined) return '';
    if (typeof text === 'string') return text.trim();
    throw this.#bad(`text must be a text, got ${shown(text)}`);
  }

  #match(match: MatchKind = 'any'): MatchKind {
    if (MATCHES.includes(match)) return match;
    throw this.#bad(`match must be one of ${MATCHES.join(', ')}, got ${shown(match)}`);
  }

  #weighed(given: SearchQuery['fields'], fields: Fields): WeighedField[] {
    if (given === undefined) return fields.text.map((name) => ({ name, boost: 1 }));
    if (!Array.isArray(given) || given.length === 0)
      throw this.#bad(`fields must be a list of names, got ${shown(given)}`);
    return given.map((each: unknown, at) => {
      const parts = typeof each === 'string' ? WEIGHED.exec(each)?.groups : undefined;
      const { name, boost = '1' } = parts ?? {};
      if (name === undefined || name.includes('*'))
        throw this.#bad(
          `fields[${at}] must be a name, or a name and its weight as 'title^3', got ${shown(each)}`,
        );
      return { name, boost: Number(boost) };
    });
  }

  #sort(sort: Sort, at: string, exact: FilterCompiler, fields: Fields): SortPlan {
    const [textField, textOrder = 'asc'] = typeof sort === 'string' ? sort.split(':') : [];
    const given: { field?: unknown; order?: unknown; missing?: unknown } =
      typeof sort === 'string' ? { field: textField, order: textOrder } : Object(sort);
    const { order = 'asc', missing = 'last' } = given;
    if (order !== 'asc' && order !== 'desc')
      throw this.#bad(`${at}: the order must be asc or desc, got ${shown(order)}`);
    if (missing !== 'first' && missing !== 'last')
      throw this.#bad(`${at}.missing must be first or last, got ${shown(missing)}`);
    const field = given.field === '_score' ? '_score' : exact.exact(given.field, at);
    return { field, order, missing, type: fields.typeOf(field) };
  }

  #source(given: SearchQuery['source']): SearchQuery['source'] {
    if (given === undefined || (isList(given) && given.every((each) => typeof each === 'string')))
      return given;
    throw this.#bad(`source must be a list of names, got ${shown(given)}`);
  }

  #highlight(given: SearchQuery['highlight']): HighlightPlan | undefined {
    if (given === undefined) return undefined;
    const options: HighlightOptions = isList(given) ? { fields: given } : given;
    if (!isList(options.fields))
      throw this.#bad(`highlight.fields must be a list of names, got ${shown(options.fields)}`);
    return { fields: options.fields, pre: options.pre ?? '<em>', post: options.post ?? '</em>' };
  }

  #aggregations(given: SearchQuery['aggregations'], exact: FilterCompiler): Record<string, Agg> | undefined {
    if (given === undefined) return undefined;
    for (const name of Object.keys(given))
      if (!AGGREGATION_NAME.test(name))
        throw this.#bad(`aggregations: a name must be without [ ] and >, got ${shown(name)}`);
    return Object.fromEntries(
      Object.entries(given).map(([name, agg]) => [
        name,
        this.#aggregation(agg, `aggregations.${name}`, exact),
      ]),
    );
  }

  #aggregation(agg: Agg, at: string, exact: FilterCompiler): Agg {
    if ('terms' in agg) {
      const { field, size = 10 } = agg.terms;
      if (!Number.isInteger(size) || size < 1 || size > MOST_REACHED)
        throw this.#bad(`${at}.terms.size must be 1 to ${MOST_REACHED}, got ${shown(size)}`);
      return { terms: { field: exact.exact(field, `${at}.terms.field`), size } };
    }
    if ('range' in agg) {
      const { field, ranges } = agg.range;
      if (!isList(ranges) || ranges.length === 0)
        throw this.#bad(`${at}.range.ranges must be a list, got ${shown(ranges)}`);
      return { range: { field: exact.measurable(field, `${at}.range`), ranges } };
    }
    if ('stats' in agg) return { stats: { field: exact.measurable(agg.stats.field, `${at}.stats`) } };
    if ('dateHistogram' in agg) {
      const { field, interval, timeZone } = agg.dateHistogram;
      if (!INTERVALS.includes(interval))
        throw this.#bad(
          `${at}.dateHistogram.interval must be one of ${INTERVALS.join(', ')}, got ${shown(interval)}`,
        );
      if (timeZone !== undefined && !isTimeZone(timeZone))
        throw this.#bad(`${at}.dateHistogram.timeZone must be an IANA name, got ${shown(timeZone)}`);
      return {
        dateHistogram: { field: exact.exact(field, `${at}.dateHistogram.field`), interval, timeZone },
      };
    }
    throw this.#bad(
      `${at} must be terms, range, stats or dateHistogram, got ${Object.keys(Object(agg)).join(', ')}`,
    );
  }

  #bad(what: string): Error {
    return invalidArgument(this.#place, what);
  }
}

const isList = <T>(value: readonly T[] | object | string): value is readonly T[] => Array.isArray(value);
const isTimeZone = (timeZone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
};
const listOf = (sort: SearchQuery['sort']): readonly Sort[] =>
  sort === undefined ? [] : isList<Sort>(sort) ? sort : [sort];
