import type { CallOptions } from '@infra-kit/kernel';
import type { FoundHit, SearchPlan } from '../drivers/es-driver.js';
import { esError, invalidArgument, shown } from '../es.errors.js';
import type { Filter, Hit, Scope, SearchHit, SearchQuery, SearchResult, SortValue } from '../es.types.js';
import { SearchCompiler } from './compile-search.js';
import { hitOf } from './documents.js';
import type { EsEngine } from './es-engine.js';

const SEARCH = { name: 'search', repeatable: true };
const OPEN = { name: 'open_point_in_time', repeatable: true };
const CLOSE = { name: 'close_point_in_time', repeatable: false };
const PAGE_SIZE = 500;

/** Questions to the indices. */
export class Searches {
  readonly #engine: EsEngine;
  readonly #compiler: SearchCompiler;

  constructor(engine: EsEngine) {
    this.#engine = engine;
    this.#compiler = new SearchCompiler(engine.place, engine.catalog);
  }

  async search<T>(index: string, query: SearchQuery, options?: CallOptions): Promise<SearchResult<T>> {
    this.#engine.runner.checkOpen();
    return this.#search<T>(this.#engine.names.full(index), query, options);
  }

  async searchIn<T>(
    index: string,
    scope: Scope,
    query: SearchQuery,
    options?: CallOptions,
  ): Promise<SearchResult<T>> {
    return this.search<T>(index, this.scoped(scope, query), options);
  }

  async searchAll<T>(query: SearchQuery, options?: CallOptions): Promise<SearchResult<T>> {
    const { runner, names, place } = this.#engine;
    runner.checkOpen();
    if (names.prefix === '')
      throw esError(
        place,
        'FAILED_PRECONDITION',
        "searchAll needs an indexPrefix: without one it would search everybody's indices",
      );
    return this.#search<T>(`${names.prefix}*`, query, options);
  }

  async *iterate<T>(index: string, query: SearchQuery, options?: CallOptions): AsyncGenerator<Hit<T>, void> {
    const { driver, runner, names } = this.#engine;
    runner.checkOpen();
    const name = names.full(index);
    this.#compiler.check(query);
    for (const field of ['from', 'after'] as const)
      if (query[field] !== undefined)
        throw invalidArgument(this.#engine.place, `${field}: iterate begins at the beginning; leave it out`);
    const { aggregations: _aggregations, highlight: _highlight, ...rest } = query;
    const plan = await this.#compiler.compile(name, { ...rest, size: query.size ?? PAGE_SIZE }, options);
    let point = await runner.run(OPEN, options, (call) => driver.openPoint(name, call), name);
    try {
      let after: readonly SortValue[] | undefined;
      do {
        const page: SearchPlan = { ...plan, point, after };
        const found = await runner.run(SEARCH, options, (call) => driver.search(page, call), name);
        point = found.point ?? point;
        after = found.hits.length < plan.size ? undefined : found.hits.at(-1)?.sort;
        for (const hit of found.hits) yield this.#hit<T>(hit);
      } while (after !== undefined);
    } finally {
      await this.#closePoint(point);
    }
  }

  /** A query that finds nothing outside the scope. */
  scoped(scope: Scope, query: SearchQuery): SearchQuery {
    const { place } = this.#engine;
    const { field, value } = (scope ?? {}) as Partial<Scope>;
    if (typeof field !== 'string' || field === '')
      throw invalidArgument(place, `scope.field must name a keyword field, got ${shown(field)}`);
    if (!['string', 'number', 'boolean'].includes(typeof value) || value === undefined || value === '')
      throw invalidArgument(place, `scope.value of '${field}' must not be empty, got ${shown(value)}`);
    this.#compiler.check(query);
    if (query.raw !== undefined)
      throw invalidArgument(place, 'raw: it could reach out of the scope; use the typed fields');
    const filter: readonly Filter[] = query.filter ?? [];
    if (!Array.isArray(filter)) throw invalidArgument(place, `filter must be a list, got ${shown(filter)}`);
    return { ...query, filter: [{ term: { field, value } }, ...filter] };
  }

  async #search<T>(
    index: string,
    query: SearchQuery,
    options: CallOptions | undefined,
  ): Promise<SearchResult<T>> {
    const { driver, runner } = this.#engine;
    const plan = await this.#compiler.compile(index, query, options);
    const found = await runner.run(SEARCH, options, (call) => driver.search(plan, call), index);
    const pages = plan.size === 0 ? 0 : Math.ceil(found.total / plan.size);
    return {
      total: found.total,
      hits: found.hits.map((hit) => this.#hit<T>(hit)),
      ...(found.aggregations !== undefined && { aggregations: found.aggregations }),
      tookMs: found.tookMs,
      page: { from: plan.from, size: plan.size, pages },
    };
  }

  #hit<T>(found: FoundHit): SearchHit<T> {
    const { score, sort, highlights } = found;
    const hit: { -readonly [K in keyof SearchHit<T>]: SearchHit<T>[K] } = hitOf<T>(this.#engine, found);
    hit.score = score;
    if (sort !== undefined) hit.sort = sort;
    if (highlights !== undefined) hit.highlights = highlights;
    return hit;
  }

  /** The cluster lets go of it by itself a minute later: no reason to fail. */
  async #closePoint(point: string): Promise<void> {
    const { driver, runner, logger } = this.#engine;
    try {
      await runner.run(CLOSE, { timeoutMs: 1000 }, (call) => driver.closePoint(point, call));
    } catch (error) {
      logger.debug('a point in time was left to expire', { err: error });
    }
  }
}
