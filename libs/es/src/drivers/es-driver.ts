import type { InfraErrorCode } from '@infra-kit/kernel';
import type {
  Agg,
  AggResult,
  FieldMappings,
  FilterValue,
  IndexBody,
  IndexResult,
  Refresh,
  SortValue,
} from '../es.types.js';

/** A call ends early when the signal aborts; the front limits it in any case. */
export interface DriverCall {
  readonly signal: AbortSignal;
}

export interface IndexState {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly properties: FieldMappings;
}

export interface StoredDocument {
  readonly id: string;
  readonly index: string;
  readonly source: unknown;
  readonly seqNo?: number | undefined;
  readonly primaryTerm?: number | undefined;
  readonly routing?: string | undefined;
}

interface Address {
  readonly index: string;
  readonly id: string;
  readonly routing?: string | undefined;
}
interface Change extends Address {
  readonly refresh?: Refresh | undefined;
  readonly ifSeqNo?: number | undefined;
  readonly ifPrimaryTerm?: number | undefined;
}
export type GetRequest = Address;
export type DeleteRequest = Change;
export interface IndexRequest extends Change {
  readonly source: unknown;
  /** External version. */
  readonly version?: number | undefined;
}
export interface UpdateRequest extends Address {
  readonly refresh?: Refresh | undefined;
  readonly partial: object;
  readonly upsert?: unknown;
  readonly retryOnConflict?: number | undefined;
}

export interface BulkOp {
  readonly id: string;
  /** The document as JSON; absent: delete it. */
  readonly json?: string | undefined;
  readonly routing?: string | undefined;
}
export interface BulkRequest {
  readonly index: string;
  readonly ops: readonly BulkOp[];
  /** The name must be an alias: nothing is created by writing. */
  readonly requireAlias?: boolean | undefined;
}
/** One an operation, in their order. */
export interface BulkOutcome {
  readonly status: number;
  readonly reason?: string | undefined;
}

/** A field with the weight it has. */
export interface WeighedField {
  readonly name: string;
  readonly boost: number;
}
/** One word of a text, or two neighbouring characters of a script without spaces. */
export interface TextUnit {
  readonly text: string;
  readonly pair: boolean;
  readonly how: 'exact' | 'prefix' | 'fuzzy';
}
export interface TextPlan {
  readonly fields: readonly WeighedField[];
  /** `phrase` has one unit: the whole text. */
  readonly units: readonly TextUnit[];
  readonly need: 'any' | 'all' | 'phrase';
}

/** Filters with fields resolved and values as they are compared. */
export type FilterPlan =
  | { readonly kind: 'terms'; readonly field: string; readonly values: readonly FilterValue[] }
  | {
      readonly kind: 'range';
      readonly field: string;
      readonly bounds: Readonly<Partial<Record<'gt' | 'gte' | 'lt' | 'lte', string | number>>>;
    }
  | { readonly kind: 'exists'; readonly field: string }
  | { readonly kind: 'not'; readonly filter: FilterPlan }
  | { readonly kind: 'any'; readonly filters: readonly FilterPlan[] };

export interface SortPlan {
  readonly field: string;
  readonly order: 'asc' | 'desc';
  readonly missing: 'first' | 'last';
  /** Of the field, where the mapping has it. */
  readonly type?: string | undefined;
}
export interface HighlightPlan {
  readonly fields: readonly string[];
  readonly pre: string;
  readonly post: string;
}

export interface SearchPlan {
  /** A name, an alias, or a pattern that visible names match; ignored with `point`. */
  readonly index: string;
  /** A point in time; sorts by the document's place when `sort` is empty. */
  readonly point?: string | undefined;
  readonly text?: TextPlan | undefined;
  readonly filters: readonly FilterPlan[];
  readonly sort: readonly SortPlan[];
  readonly from: number;
  readonly size: number;
  readonly after?: readonly SortValue[] | undefined;
  readonly highlight?: HighlightPlan | undefined;
  readonly aggregations?: Readonly<Record<string, Agg>> | undefined;
  readonly source?: readonly string[] | undefined;
  readonly raw?: object | undefined;
}

export interface FoundHit extends StoredDocument {
  readonly score: number | null;
  readonly sort?: readonly SortValue[] | undefined;
  readonly highlights?: Readonly<Record<string, readonly string[]>> | undefined;
}
export interface FoundPage {
  readonly total: number;
  readonly hits: readonly FoundHit[];
  readonly aggregations?: Readonly<Record<string, AggResult>> | undefined;
  readonly tookMs: number;
  /** The point to go on with. */
  readonly point?: string | undefined;
}

/** `remove` needs the alias to be there: else none of the actions happens. */
export type AliasAction =
  | { readonly add: { readonly index: string; readonly alias: string } }
  | { readonly remove: { readonly index: string; readonly alias: string } };

/** What a failure means. */
export interface Failure {
  readonly code: InfraErrorCode;
  /** True: the cluster has done nothing, so that the same call may be made again. */
  readonly nothingDone: boolean;
  /** HTTP status; 0: no answer. */
  readonly status: number;
  /** For people; never holds a secret. */
  readonly reason: string;
}

/**
 * What a driver writes. Names are whole (`indexPrefix` is the front's); arguments were checked. Errors come out raw, and
 * `failureOf` explains them. No driver retries: the front does. A missing index is NOT_FOUND, except where a document is
 * written, which makes it.
 */
export interface EsDriver {
  readonly kind: string;
  readonly native: unknown;
  readonly capabilities: { readonly raw: boolean; readonly serverReindex: boolean };
  /** `db.system.name`, and where the cluster is. */
  readonly telemetry: Readonly<Record<string, string | number>>;
  describe(): Readonly<Record<string, unknown>>;
  failureOf(error: unknown): Failure;

  /** Resolves with the cluster's state when it answers. */
  ping(call: DriverCall): Promise<'green' | 'yellow' | 'red'>;
  createIndex(name: string, body: IndexBody & { readonly hidden: boolean }, call: DriverCall): Promise<void>;
  deleteIndices(names: readonly string[], call: DriverCall): Promise<void>;
  /** Indices with this name, alias or pattern, hidden ones too; empty when there are none. */
  states(expression: string, call: DriverCall): Promise<readonly IndexState[]>;
  addFields(name: string, properties: FieldMappings, call: DriverCall): Promise<void>;
  /** All or none, in one step for every reader. */
  changeAliases(actions: readonly AliasAction[], call: DriverCall): Promise<void>;
  refresh(name: string, call: DriverCall): Promise<void>;
  count(name: string, call: DriverCall): Promise<number>;

  index(request: IndexRequest, call: DriverCall): Promise<IndexResult>;
  get(request: GetRequest, call: DriverCall): Promise<StoredDocument | undefined>;
  /** In the order of the ids. */
  lookUp(
    index: string,
    ids: readonly string[],
    call: DriverCall,
  ): Promise<readonly (StoredDocument | undefined)[]>;
  update(request: UpdateRequest, call: DriverCall): Promise<IndexResult>;
  /** False: there was none. */
  delete(request: DeleteRequest, call: DriverCall): Promise<boolean>;
  bulk(request: BulkRequest, call: DriverCall): Promise<readonly BulkOutcome[]>;

  search(plan: SearchPlan, call: DriverCall): Promise<FoundPage>;
  /** Holds what is there now for a minute after each use. */
  openPoint(index: string, call: DriverCall): Promise<string>;
  closePoint(point: string, call: DriverCall): Promise<void>;
  /** Copies inside the cluster; answers how many. UNIMPLEMENTED where the distribution cannot. */
  reindex(from: string, to: string, call: DriverCall): Promise<number>;

  close(): Promise<void>;
}
