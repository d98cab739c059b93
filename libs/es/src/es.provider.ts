import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';
import type {
  BulkOptions,
  BulkReport,
  DeleteOptions,
  GetOptions,
  Hit,
  IndexBody,
  IndexDefinition,
  IndexOptions,
  IndexResult,
  Scope,
  SearchQuery,
  SearchResult,
  UpdateOptions,
  WriterOptions,
} from './es.types.js';

/** Writes many documents with few requests; open until `close`. One task or many may add to it. */
export interface BulkWriter<T> extends AsyncDisposable {
  /** Resolves when there is room for the next: with `maxQueuedBytes` queued it waits. Failures go to `onFailure` and the report. */
  add(doc: T): Promise<void>;
  /** Sends what waits; resolves when everything added before has its outcome. */
  flush(): Promise<void>;
  /** Flushes and says what became of every document. Idempotent. */
  close(): Promise<BulkReport<T>>;
}

export interface ReindexOptions<T> extends CallOptions {
  /** The id of a document of `source`. A hit of `iterate` keeps its own; default: a new UUIDv7. */
  readonly id?: ((doc: T) => string) | undefined;
}

/** Names are without `indexPrefix`, here as everywhere. */
export interface EsIndices {
  /** ALREADY_EXISTS when there is one. */
  create(name: string, body?: IndexBody, options?: CallOptions): Promise<void>;
  /** An alias stands for the indices behind it. NOT_FOUND when there is none. */
  delete(name: string, options?: CallOptions): Promise<void>;
  exists(name: string, options?: CallOptions): Promise<boolean>;
  /** What was written before is found by searches afterwards. */
  refresh(name: string, options?: CallOptions): Promise<void>;
  /** Names of the indices of this service, versioned ones too, in order; those behind `alias` alone when it is given. */
  list(alias?: string, options?: CallOptions): Promise<string[]>;
  /**
   * Makes the index, versioned and behind an alias of its name, or adds the fields that it lacks. FAILED_PRECONDITION,
   * naming the fields, when one is kept in another way: `reindexInto` is the way out.
   */
  ensure(definition: IndexDefinition, options?: CallOptions): Promise<void>;
  /**
   * Fills a new version of the index and swaps the alias to it in one step; answers the new index. `source`: documents,
   * or hits of `iterate`; absent: what is behind the alias now, through this process; `'server'`: the same inside the
   * cluster, which needs the full distribution. Rejects, with the alias untouched and the new index removed, when a
   * document fails or the counts differ. The old index stays until it is deleted. What another run left unfinished is
   * removed, so that the run which began last wins; the other is ABORTED. Writes meanwhile go to the old index.
   */
  reindexInto<T extends object>(
    alias: string,
    definition: IndexDefinition | IndexBody,
    source?: AsyncIterable<T | Hit<T>> | Iterable<T | Hit<T>> | 'server',
    options?: ReindexOptions<T>,
  ): Promise<string>;
}

/**
 * Search: type, injection token and documentation of the component.
 *
 * - **Text of users is data**: nothing in it is query syntax, whatever it holds.
 * - **Errors**: INVALID_ARGUMENT for a bad argument, naming it, with nothing done; NOT_FOUND for a missing index;
 *   ABORTED for a version conflict; UNAVAILABLE with the cluster dead and DEADLINE_EXCEEDED with the cluster hung, within
 *   the deadline; FAILED_PRECONDITION after `close`. An error about a mapping names the field.
 * - **Limits**: each call ends by the nearest of its own `timeoutMs`, the ambient deadline and `requestTimeoutMs`.
 * - **Visibility**: searches see a change after a refresh, by default within a second; `get` sees it at once. In memory
 *   both see it at once.
 * - **Concurrency**: every call may be made at any time.
 */
export abstract class EsProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** The client underneath: an `ElasticsearchService` of @nestjs/elasticsearch; undefined in memory. */
  abstract readonly native: unknown;
  abstract readonly indices: EsIndices;

  /** Stores a document; an index that is missing is made. */
  abstract index<T extends object>(index: string, doc: T, options?: IndexOptions): Promise<IndexResult>;
  abstract get<T>(index: string, id: string, options?: GetOptions): Promise<Hit<T> | undefined>;
  abstract exists(index: string, id: string, options?: GetOptions): Promise<boolean>;
  /** Merges `partial` into the document. NOT_FOUND when there is none and no `upsert`. */
  abstract update<T extends object>(
    index: string,
    id: string,
    partial: Partial<T>,
    options?: UpdateOptions<T>,
  ): Promise<IndexResult>;
  /** False: there was none. */
  abstract delete(index: string, id: string, options?: DeleteOptions): Promise<boolean>;

  /**
   * Writes all documents with back-pressure and accounts for each: indexed + failed = given, under refusals, resets and
   * timeouts. Rejects only when `docs` itself throws (with that error), when it is cancelled or out of time, and then
   * `onFailure` is told of each document that had no outcome yet.
   */
  abstract bulkIndex<T extends object>(
    index: string,
    docs: Iterable<T> | AsyncIterable<T>,
    options?: BulkOptions<T>,
  ): Promise<BulkReport<T>>;
  /** The same for documents that come by and by. Closing the provider closes it. */
  abstract writer<T extends object>(index: string, options?: WriterOptions<T>): BulkWriter<T>;

  abstract search<T>(index: string, query: SearchQuery, options?: CallOptions): Promise<SearchResult<T>>;
  /** Within one session, tenant or user. INVALID_ARGUMENT for an empty value, a field that is no keyword, and `raw`. */
  abstract searchIn<T>(
    index: string,
    scope: Scope,
    query: SearchQuery,
    options?: CallOptions,
  ): Promise<SearchResult<T>>;
  /** Every index of the service, of versioned ones the one in use. FAILED_PRECONDITION without an `indexPrefix`. */
  abstract searchAll<T>(query: SearchQuery, options?: CallOptions): Promise<SearchResult<T>>;
  /** Deletes what is within the scope now; answers how many. */
  abstract deleteIn(index: string, scope: Scope, options?: CallOptions): Promise<number>;
  /**
   * Everything that matches, however much, as it was at the start (a point in time). `size` is how many come at a time,
   * default 500. Each request is limited by the options, the whole is not.
   */
  abstract iterate<T>(index: string, query: SearchQuery, options?: CallOptions): AsyncIterable<Hit<T>>;

  /** Resolves when the cluster answers. */
  abstract ping(options?: CallOptions): Promise<void>;
  /** Never throws; limited to 2 s. `degraded` when the cluster is red. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Closes the writers, then disconnects. Idempotent. A driver object that was passed in stays open. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
