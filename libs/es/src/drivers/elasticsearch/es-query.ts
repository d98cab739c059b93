import type { estypes } from '@elastic/elasticsearch';
import type { Agg, SortValue } from '../../es.types.js';
import type { FilterPlan, SearchPlan, SortPlan, TextPlan, TextUnit } from '../es-driver.js';

type Query = NonNullable<estypes.QueryDslQueryContainer>;

type Body = { -readonly [K in keyof estypes.SearchRequest]: estypes.SearchRequest[K] };

const NOTHING: Query = { match_none: {} };

/** Fields of another kind than text take no part instead of failing the search. */
const LENIENT = { lenient: true } as const;

function unitQuery({ text, pair, how }: TextUnit, fields: string[], needed: boolean): Query {
  const base = { query: text, fields, ...LENIENT };
  if (pair) return { multi_match: { ...base, type: 'phrase' } };
  if (how === 'prefix') return { multi_match: { ...base, type: 'bool_prefix', operator: 'and' } };
  const fuzzy = how === 'fuzzy' ? { fuzziness: 'AUTO' as const } : {};
  // a word that the field's own analyzer drops, as `the`, is no reason to find nothing
  const dropped = needed ? ({ zero_terms_query: 'all' } as const) : {};
  return { multi_match: { ...base, ...fuzzy, ...dropped, operator: 'and' } };
}

/** Pairs are looked for as two neighbouring words: the standard analyzer keeps each character as one. */
function textQuery({ fields: weighed, units, need }: TextPlan): Query {
  const fields = weighed.map(({ name, boost }) => (boost === 1 ? name : `${name}^${boost}`));
  const [first] = units;
  if (first === undefined || fields.length === 0) return NOTHING;
  if (need === 'phrase') return { multi_match: { query: first.text, fields, type: 'phrase', ...LENIENT } };
  if (need === 'all') return { bool: { must: units.map((unit) => unitQuery(unit, fields, true)) } };
  if (!units.some(({ pair }) => pair))
    return { multi_match: { query: units.map(({ text }) => text).join(' '), fields, ...LENIENT } };
  return { bool: { should: units.map((unit) => unitQuery(unit, fields, false)), minimum_should_match: 1 } };
}

function filterQuery(filter: FilterPlan): Query {
  switch (filter.kind) {
    case 'terms':
      return { terms: { [filter.field]: [...filter.values] } };
    case 'range':
      return { range: { [filter.field]: filter.bounds } };
    case 'exists':
      return { exists: { field: filter.field } };
    case 'not':
      return { bool: { must_not: [filterQuery(filter.filter)] } };
    case 'any':
      return filter.filters.length === 0
        ? NOTHING
        : { bool: { should: filter.filters.map(filterQuery), minimum_should_match: 1 } };
  }
}

function queryOf({ text, filters }: SearchPlan, raw: unknown): Query {
  const must: Query[] = [];
  if (text !== undefined) must.push(textQuery(text));
  if (typeof raw === 'object' && raw !== null) must.push(raw as Query);
  const [only] = must;
  if (filters.length === 0 && must.length < 2) return only ?? { match_all: {} };
  return { bool: { must, filter: filters.map(filterQuery) } };
}

function sortOf({ field, order, missing }: SortPlan): estypes.SortCombinations {
  return field === '_score'
    ? { _score: { order } }
    : { [field]: { order, unmapped_type: 'keyword', ...(missing === 'first' && { missing: '_first' }) } };
}

const LONGEST = 2 ** 63;
const KEPT_AS_LONG: ReadonlySet<string | undefined> = new Set(['date', 'date_nanos', 'boolean']);

/** A document without the field stands at an end of the 64-bit numbers, which as a number of JavaScript is one too far:
 *  as a date or boolean the cluster would not read it. A number with an exponent it cuts off at the end. */
function afterOf(value: SortValue, sort: SortPlan | undefined): SortValue {
  if (typeof value !== 'number' || Math.abs(value) < LONGEST || !KEPT_AS_LONG.has(sort?.type)) return value;
  return Math.sign(value) * 1e21;
}

function aggregationOf(agg: Agg): estypes.AggregationsAggregationContainer {
  if ('terms' in agg) return { terms: { ...agg.terms } as estypes.AggregationsTermsAggregation };
  if ('stats' in agg) return { stats: agg.stats };
  if ('range' in agg) {
    const ranges = agg.range.ranges.map((range) => ({ ...range }) as estypes.AggregationsAggregationRange);
    return { range: { field: agg.range.field, ranges } };
  }
  const { field, interval, timeZone } = agg.dateHistogram;
  return {
    date_histogram: {
      field,
      calendar_interval: interval,
      ...(timeZone !== undefined && { time_zone: timeZone }),
    },
  };
}

/** The body of a search for a plan. */
export function bodyOf(plan: SearchPlan): estypes.SearchRequest {
  const { raw, point, after, highlight, aggregations, source } = plan;
  const { query, ...rest } = (raw ?? {}) as { query?: unknown };
  const sort = plan.sort.map((each) => sortOf(each));
  const body: Body = {
    query: queryOf(plan, query),
    from: plan.from,
    size: plan.size,
    track_total_hits: point === undefined,
  };
  if (point !== undefined) {
    body.pit = { id: point, keep_alive: '1m' };
    sort.push({ _shard_doc: { order: 'asc' } } as estypes.SortCombinations);
  }
  if (sort.length > 0) body.sort = sort;
  if (after !== undefined) body.search_after = after.map((value, at) => afterOf(value, plan.sort[at]));
  if (source !== undefined) body._source = { includes: [...source] };
  if (highlight !== undefined)
    body.highlight = {
      fields: Object.fromEntries(highlight.fields.map((field) => [field, { number_of_fragments: 0 }])),
      pre_tags: [highlight.pre],
      post_tags: [highlight.post],
    };
  if (aggregations !== undefined)
    body.aggs = Object.fromEntries(
      Object.entries(aggregations).map(([name, agg]) => [name, aggregationOf(agg)]),
    );
  return Object.assign(body, rest);
}
