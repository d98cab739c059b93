import type { CallOptions, HealthReport } from '@infra-kit/kernel';
import { EsProvider, type BulkWriter, type EsIndices } from './es.provider.js';
import type {
  BulkOptions,
  BulkReport,
  DeleteOptions,
  GetOptions,
  Hit,
  IndexOptions,
  IndexResult,
  Scope,
  SearchQuery,
  SearchResult,
  UpdateOptions,
  WriterOptions,
} from './es.types.js';
import { BulkCalls } from './operations/bulk-calls.js';
import { Documents } from './operations/documents.js';
import type { EsEngine } from './operations/es-engine.js';
import { PING, reportHealth } from './operations/health.js';
import { DefaultEsIndices } from './operations/indices.js';
import { ScopeDeletion } from './operations/scope-deletion.js';
import { Searches } from './operations/searches.js';

/** The front: each call to the part that does it. */
export class DefaultEsProvider extends EsProvider {
  override readonly name: string;
  override readonly indices: EsIndices;
  readonly #engine: EsEngine;
  readonly #documents: Documents;
  readonly #searches: Searches;
  readonly #bulk: BulkCalls;
  readonly #deletion: ScopeDeletion;
  readonly #closeEngine: () => Promise<void>;

  constructor(engine: EsEngine, closeEngine: () => Promise<void>) {
    super();
    this.name = engine.place.name;
    this.#engine = engine;
    this.#documents = new Documents(engine);
    this.#searches = new Searches(engine);
    this.#bulk = new BulkCalls(engine);
    this.#deletion = new ScopeDeletion(engine, this.#searches);
    this.indices = new DefaultEsIndices(engine, { bulk: this.#bulk, searches: this.#searches });
    this.#closeEngine = closeEngine;
  }

  override get native(): unknown {
    return this.#engine.driver.native;
  }

  override index<T extends object>(index: string, doc: T, options?: IndexOptions): Promise<IndexResult> {
    return this.#documents.index(index, doc, options);
  }

  override get<T>(index: string, id: string, options?: GetOptions): Promise<Hit<T> | undefined> {
    return this.#documents.get<T>(index, id, options);
  }

  override exists(index: string, id: string, options?: GetOptions): Promise<boolean> {
    return this.#documents.exists(index, id, options);
  }

  override update<T extends object>(
    index: string,
    id: string,
    partial: Partial<T>,
    options?: UpdateOptions<T>,
  ): Promise<IndexResult> {
    return this.#documents.update(index, id, partial, options);
  }

  override delete(index: string, id: string, options?: DeleteOptions): Promise<boolean> {
    return this.#documents.delete(index, id, options);
  }

  override bulkIndex<T extends object>(
    index: string,
    docs: Iterable<T> | AsyncIterable<T>,
    options?: BulkOptions<T>,
  ): Promise<BulkReport<T>> {
    return this.#bulk.bulkIndex(index, docs, options);
  }

  override writer<T extends object>(index: string, options?: WriterOptions<T>): BulkWriter<T> {
    return this.#bulk.writer(index, options);
  }

  override search<T>(index: string, query: SearchQuery, options?: CallOptions): Promise<SearchResult<T>> {
    return this.#searches.search<T>(index, query, options);
  }

  override searchIn<T>(
    index: string,
    scope: Scope,
    query: SearchQuery,
    options?: CallOptions,
  ): Promise<SearchResult<T>> {
    return this.#searches.searchIn<T>(index, scope, query, options);
  }

  override searchAll<T>(query: SearchQuery, options?: CallOptions): Promise<SearchResult<T>> {
    return this.#searches.searchAll<T>(query, options);
  }

  override deleteIn(index: string, scope: Scope, options?: CallOptions): Promise<number> {
    return this.#deletion.deleteIn(index, scope, options);
  }

  override iterate<T>(index: string, query: SearchQuery, options?: CallOptions): AsyncIterable<Hit<T>> {
    return this.#searches.iterate<T>(index, query, options);
  }

  override async ping(options?: CallOptions): Promise<void> {
    const { runner, driver } = this.#engine;
    await runner.run(PING, options, (call) => driver.ping(call));
  }

  override health(options?: CallOptions): Promise<HealthReport> {
    return reportHealth(this.#engine, options);
  }

  override async close(): Promise<void> {
    await this.#closeEngine();
  }
}
