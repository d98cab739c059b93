import type { estypes } from '@elastic/elasticsearch';
import type { Agg, AggBucket, AggResult, IndexResult, SortValue, StatsResult } from '../../es.types.js';
import type { BulkOutcome, FoundHit, FoundPage, SearchPlan, StoredDocument } from '../es-driver.js';
import { reasonOf } from './es-failures.js';

interface RawBucket {
  readonly key: string | number;
  readonly key_as_string?: string;
  readonly doc_count: number;
  readonly from?: number;
  readonly to?: number;
}

export function storedOf(document: estypes.GetGetResult): StoredDocument | undefined {
  if (!document.found) return undefined;
  return {
    id: document._id,
    index: document._index,
    source: document._source,
    seqNo: document._seq_no,
    primaryTerm: document._primary_term,
    routing: document._routing,
  };
}

export function indexResultOf(answer: estypes.WriteResponseBase): IndexResult {
  return {
    id: answer._id,
    index: answer._index,
    created: answer.result === 'created',
    version: answer._version,
    seqNo: answer._seq_no ?? 0,
    primaryTerm: answer._primary_term ?? 0,
  };
}

export function bulkOutcomesOf(answer: estypes.BulkResponse): BulkOutcome[] {
  return answer.items.map((item) => {
    const [outcome] = Object.values(item);
    const { status = 0, error } = outcome ?? {};
    return error === undefined ? { status } : { status, reason: reasonOf(error) || `status ${status}` };
  });
}

function bucketOf(agg: Agg, { key, key_as_string: text, doc_count: count, from, to }: RawBucket): AggBucket {
  if ('dateHistogram' in agg) return { key: new Date(Number(key)).toISOString(), count };
  if ('range' in agg)
    return { key, count, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  return { key: text === 'true' || text === 'false' ? text : key, count };
}

function aggregationOf(agg: Agg, result: unknown): AggResult {
  if ('stats' in agg) {
    const { count, min, max, avg, sum } = result as StatsResult;
    return { count, min, max, avg, sum };
  }
  const { buckets } = result as { readonly buckets: readonly RawBucket[] };
  return { buckets: buckets.map((bucket) => bucketOf(agg, bucket)) };
}

/** What was asked for by type comes in our shape, what `raw` asked for as the cluster gave it. */
function aggregationsOf(plan: SearchPlan, results: unknown): Record<string, AggResult> {
  return Object.fromEntries(
    Object.entries(results as Record<string, unknown>).map(([name, result]) => {
      const agg = plan.aggregations?.[name];
      return [name, agg === undefined ? (result as AggResult) : aggregationOf(agg, result)];
    }),
  );
}

function hitOf(hit: estypes.SearchHit, plan: SearchPlan): FoundHit {
  const { highlight } = plan;
  const joint = highlight && highlight.post + highlight.pre;
  // neighbouring words of one match are one
  const highlights =
    hit.highlight &&
    Object.fromEntries(
      Object.entries(hit.highlight).map(([field, texts]) => [
        field,
        texts.map((text) => text.replaceAll(joint ?? '', '')),
      ]),
    );
  return {
    id: hit._id ?? '',
    index: hit._index,
    source: hit._source,
    score: hit._score ?? null,
    routing: hit._routing,
    sort: hit.sort as readonly SortValue[] | undefined,
    highlights,
  };
}

export function pageOf(answer: estypes.SearchResponse, plan: SearchPlan): FoundPage {
  const { total } = answer.hits;
  return {
    total: typeof total === 'number' ? total : (total?.value ?? 0),
    hits: answer.hits.hits.map((hit) => hitOf(hit, plan)),
    aggregations: answer.aggregations && aggregationsOf(plan, answer.aggregations),
    tookMs: answer.took,
    point: answer.pit_id,
  };
}
