import type { CallOptions } from '@infra-kit/kernel';

/** A document as it is stored. `T` is what the caller says it holds: nothing checks it. */
export interface Hit<T> {
  readonly id: string;
  /** The index that holds it, without `indexPrefix`; behind an alias that is the versioned index. */
  readonly index: string;
  readonly source: T;
  /** How well it matched; null where results are sorted, and for a document fetched by id. */
  readonly score: number | null;
  readonly seqNo?: number;
  readonly primaryTerm?: number;
  readonly routing?: string;
  /** The values it was sorted by: what `after` takes. */
  readonly sort?: readonly SortValue[];
}

export type SortValue = string | number | boolean | null;
export type FilterValue = string | number | boolean;
/** A bound of a range: dates as ISO 8601 text or epoch milliseconds. */
export type RangeBound = string | number | Date;

/** Exact conditions; a list of them holds together. A dynamic text field is compared by its `keyword` part. */
export type Filter =
  | { readonly term: { readonly field: string; readonly value: FilterValue } }
  | { readonly terms: { readonly field: string; readonly values: readonly FilterValue[] } }
  | {
      readonly range: {
        readonly field: string;
        readonly gt?: RangeBound | undefined;
        readonly gte?: RangeBound | undefined;
        readonly lt?: RangeBound | undefined;
        readonly lte?: RangeBound | undefined;
      };
    }
  | { readonly exists: { readonly field: string } }
  | { readonly not: Filter }
  | { readonly any: readonly Filter[] };

/** `'price:desc'`, or with a place for documents that lack the field (default: last). */
export type Sort =
  | string
  | {
      readonly field: string;
      readonly order?: 'asc' | 'desc' | undefined;
      readonly missing?: 'first' | 'last' | undefined;
    };

export type CalendarInterval = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

export interface RangeOf {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly key?: string | undefined;
}

export type Agg =
  | { readonly terms: { readonly field: string; readonly size?: number | undefined } }
  | { readonly range: { readonly field: string; readonly ranges: readonly RangeOf[] } }
  | { readonly stats: { readonly field: string } }
  | {
      readonly dateHistogram: {
        readonly field: string;
        readonly interval: CalendarInterval;
        /** IANA name; default UTC. */
        readonly timeZone?: string | undefined;
      };
    };

export interface AggBucket {
  /** The term (booleans as text), the range's key, or the start of the interval as ISO 8601 text. */
  readonly key: string | number;
  readonly count: number;
  readonly from?: number;
  readonly to?: number;
}
export interface BucketsResult {
  readonly buckets: readonly AggBucket[];
}
/** All but `count` and `sum` are null where nothing was counted. */
export interface StatsResult {
  readonly count: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly avg: number | null;
  readonly sum: number;
}
export type AggResult = BucketsResult | StatsResult;

/** any: one word is enough; all: every word, in whichever field; phrase: the words in this order; prefix: every word, the
 *  last one as a beginning; fuzzy: every word, with up to two letters wrong (none below three letters, one below six). */
export type MatchKind = 'any' | 'all' | 'phrase' | 'prefix' | 'fuzzy';

export interface HighlightOptions {
  readonly fields: readonly string[];
  /** Default `<em>` and `</em>`. */
  readonly pre?: string | undefined;
  readonly post?: string | undefined;
}

export interface SearchQuery {
  /** Text of a user: data, nothing in it is syntax. Empty or absent: every document. */
  readonly text?: string | undefined;
  /** Where to look, `'title^3'` weighs threefold. Default: every text field. */
  readonly fields?: readonly string[] | undefined;
  /** Default `any`. */
  readonly match?: MatchKind | undefined;
  readonly filter?: readonly Filter[] | undefined;
  readonly sort?: Sort | readonly Sort[] | undefined;
  readonly from?: number | undefined;
  /** Default 20; from + size ≤ 10,000. */
  readonly size?: number | undefined;
  /** `sort` of the last hit of the page before; needs `sort`, whose last field should be unique. */
  readonly after?: readonly SortValue[] | undefined;
  /** Whole fields, with what matched between tags. */
  readonly highlight?: readonly string[] | HighlightOptions | undefined;
  readonly aggregations?: Readonly<Record<string, Agg>> | undefined;
  /** Which fields of the source come back; `*` stands for any text. Default: all. */
  readonly source?: readonly string[] | undefined;
  /** A search body in Elasticsearch's own language: its `query` holds beside the typed one, its other members win. */
  readonly raw?: object | undefined;
}

export type SearchHit<T> = Hit<T> & { readonly highlights?: Readonly<Record<string, readonly string[]>> };

export interface SearchResult<T> {
  /** Exact. */
  readonly total: number;
  readonly hits: readonly SearchHit<T>[];
  readonly aggregations?: Readonly<Record<string, AggResult>>;
  readonly tookMs: number;
  readonly page: { readonly from: number; readonly size: number; readonly pages: number };
}

/** One session, tenant or user: documents whose keyword field has exactly this value. */
export interface Scope {
  readonly field: string;
  readonly value: FilterValue;
}

/** `true`: searches see the change at once (costly); `'wait'`: the call waits until they do. */
export type Refresh = boolean | 'wait';

export interface IndexOptions extends CallOptions {
  /** Default: a new UUIDv7. */
  readonly id?: string | undefined;
  readonly refresh?: Refresh | undefined;
  readonly routing?: string | undefined;
  /** Both or none: ABORTED unless the document is still the one with these numbers. */
  readonly ifSeqNo?: number | undefined;
  readonly ifPrimaryTerm?: number | undefined;
  /** A version of the caller's own: ABORTED unless higher than the stored one. */
  readonly version?: number | undefined;
}
export interface GetOptions extends CallOptions {
  readonly routing?: string | undefined;
}
export interface UpdateOptions<T> extends CallOptions {
  /** What is stored where there is no such document; without it that is NOT_FOUND. */
  readonly upsert?: T | undefined;
  /** Tries again after another's change in between. Default 0. */
  readonly retryOnConflict?: number | undefined;
  readonly refresh?: Refresh | undefined;
  readonly routing?: string | undefined;
}
export interface DeleteOptions extends CallOptions {
  readonly refresh?: Refresh | undefined;
  readonly routing?: string | undefined;
  readonly ifSeqNo?: number | undefined;
  readonly ifPrimaryTerm?: number | undefined;
}

export interface IndexResult {
  readonly id: string;
  readonly index: string;
  readonly created: boolean;
  readonly version: number;
  readonly seqNo: number;
  readonly primaryTerm: number;
}

export interface BulkFailure<T> {
  readonly doc: T;
  /** What the cluster said, or `unknown outcome`. */
  readonly reason: string;
  /** HTTP status of the last answer; 0 where there was none. */
  readonly status: number;
}

/** `indexed` + `failed.length` is the number of documents given. */
export interface BulkReport<T> {
  readonly indexed: number;
  readonly failed: readonly BulkFailure<T>[];
  /** Documents sent again, each time counted. */
  readonly retried: number;
  /** Sent, first tries alone. */
  readonly bytes: number;
  readonly durationMs: number;
}

export interface WriterOptions<T> {
  /** Default: a new UUIDv7. Set before the first try, so that a retry writes the same document. */
  readonly id?: ((doc: T) => string) | undefined;
  readonly onFailure?: ((failure: BulkFailure<T>) => void | Promise<void>) | undefined;
}
export type BulkOptions<T> = WriterOptions<T> & CallOptions;

/** How a field is kept: Elasticsearch's own mapping. */
export interface FieldMapping {
  readonly type?: string | undefined;
  readonly analyzer?: string | undefined;
  readonly properties?: FieldMappings | undefined;
  readonly fields?: FieldMappings | undefined;
  readonly [option: string]: unknown;
}
export type FieldMappings = { readonly [field: string]: FieldMapping };

export interface IndexMappings {
  readonly properties?: FieldMappings | undefined;
  readonly dynamic?: boolean | 'strict' | 'runtime' | undefined;
  readonly [option: string]: unknown;
}
export interface IndexBody {
  readonly mappings?: IndexMappings | undefined;
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  readonly aliases?: Readonly<Record<string, object>> | undefined;
}
export interface IndexSpec extends IndexBody {
  readonly index: string;
}
/** A class with `@EsDocument`, or the same in plain data. */
export type IndexDefinition = IndexSpec | (abstract new (...args: never[]) => object);
