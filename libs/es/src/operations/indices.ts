import { messageOf, type CallOptions } from '@infra-kit/kernel';
import type { IndexState } from '../drivers/es-driver.js';
import { esError, invalidArgument, shown } from '../es.errors.js';
import type { EsIndices, ReindexOptions } from '../es.provider.js';
import type { Hit, IndexBody, IndexDefinition, IndexSpec } from '../es.types.js';
import { specOf } from '../nest/es-document.decorator.js';
import type { BulkCalls } from './bulk-calls.js';
import type { EsEngine } from './es-engine.js';
import { mappingDifferences } from './mapping-differences.js';
import { isFilling, ReindexRun, versionOf } from './reindex-run.js';
import type { Searches } from './searches.js';

const STATES = { name: 'indices.get', repeatable: true };
const CREATE = { name: 'indices.create', repeatable: false };
const DELETE = { name: 'indices.delete', repeatable: false };
const REFRESH = { name: 'indices.refresh', repeatable: true };
const PUT_MAPPING = { name: 'indices.put_mapping', repeatable: true };

/** Indices and what they are made of. */
export class DefaultEsIndices implements EsIndices {
  readonly #engine: EsEngine;
  readonly #parts: { readonly bulk: BulkCalls; readonly searches: Searches };

  constructor(engine: EsEngine, parts: { readonly bulk: BulkCalls; readonly searches: Searches }) {
    this.#engine = engine;
    this.#parts = parts;
  }

  async create(name: string, body: IndexBody = {}, options?: CallOptions): Promise<void> {
    await this.#create(this.#engine.names.full(name, 'name'), this.#fullBody(body), false, options);
  }

  async delete(name: string, options?: CallOptions): Promise<void> {
    const { driver, runner, names, catalog } = this.#engine;
    const full = names.full(name, 'name');
    const found = await this.#states(full, options);
    if (found.length === 0) throw this.#missing(full);
    const indices = found.map((state) => state.name);
    await runner.run(DELETE, options, (call) => driver.deleteIndices(indices, call), full);
    catalog.forget();
  }

  async exists(name: string, options?: CallOptions): Promise<boolean> {
    return (await this.#states(this.#engine.names.full(name, 'name'), options)).length > 0;
  }

  async refresh(name: string, options?: CallOptions): Promise<void> {
    const { driver, runner, names } = this.#engine;
    const full = names.full(name, 'name');
    await runner.run(REFRESH, options, (call) => driver.refresh(full, call), full);
  }

  async list(alias?: string, options?: CallOptions): Promise<string[]> {
    const { names } = this.#engine;
    const found = await this.#states(
      alias === undefined ? `${names.prefix}*` : names.full(alias, 'alias'),
      options,
    );
    return found.map(({ name }) => names.own(name)).sort();
  }

  async ensure(definition: IndexDefinition, options?: CallOptions): Promise<void> {
    this.#engine.runner.checkOpen();
    const spec = this.#spec(definition);
    const full = this.#engine.names.full(spec.index);
    const found = await this.#states(full, options);
    if (found.length > 0) return this.#fit(full, found, spec, options);
    const body = this.#fullBody(spec);
    try {
      const aliases = { ...body.aliases, [full]: {} };
      await this.#create(versionOf(full, 1), { ...body, aliases }, true, options);
    } catch (error) {
      if (Reflect.get(Object(error) as object, 'code') !== 'ALREADY_EXISTS') throw error;
      // another process was faster
      await this.#fit(full, await this.#states(full, options), spec, options);
    }
  }

  async reindexInto<T extends object>(
    alias: string,
    definition: IndexDefinition | IndexBody,
    source?: AsyncIterable<T | Hit<T>> | Iterable<T | Hit<T>> | 'server',
    options: ReindexOptions<T> = {},
  ): Promise<string> {
    const { names, runner, catalog } = this.#engine;
    runner.checkOpen();
    const full = names.full(alias, 'alias');
    if (source !== undefined && source !== 'server' && typeof source !== 'object')
      throw invalidArgument(this.#engine.place, `source must be documents or 'server', got ${shown(source)}`);
    const spec =
      'index' in definition || typeof definition === 'function' ? this.#spec(definition) : definition;
    const run = new ReindexRun<T>(this.#engine, this.#parts, {
      alias,
      full,
      body: this.#fullBody(spec),
      options,
    });
    try {
      return names.own(await run.run(source));
    } finally {
      catalog.forget();
    }
  }

  #spec(definition: IndexDefinition): IndexSpec {
    const spec = this.#read(definition);
    if (typeof spec === 'object' && spec !== null) return spec;
    throw invalidArgument(
      this.#engine.place,
      `definition must be { index, mappings } or a class with @EsDocument, got ${shown(definition)}`,
    );
  }

  #read(definition: IndexDefinition): IndexSpec | undefined {
    try {
      return specOf(definition);
    } catch (error) {
      throw invalidArgument(this.#engine.place, messageOf(error));
    }
  }

  /** Aliases carry the prefix too. */
  #fullBody({ mappings, settings, aliases = {} }: IndexBody): IndexBody {
    const { names } = this.#engine;
    const full = Object.entries(aliases).map(
      ([alias, options]) => [names.full(alias, 'aliases'), options] as const,
    );
    return { mappings, settings, ...(full.length > 0 && { aliases: Object.fromEntries(full) }) };
  }

  async #create(
    name: string,
    body: IndexBody,
    hidden: boolean,
    options: CallOptions | undefined,
  ): Promise<void> {
    const { driver, runner, catalog } = this.#engine;
    await runner.run(CREATE, options, (call) => driver.createIndex(name, { ...body, hidden }, call), name);
    catalog.forget();
  }

  async #states(expression: string, options: CallOptions | undefined): Promise<readonly IndexState[]> {
    const { driver, runner } = this.#engine;
    const found = await runner.run(STATES, options, (call) => driver.states(expression, call), expression);
    return found.filter((state) => !isFilling(state));
  }

  async #fit(
    full: string,
    found: readonly IndexState[],
    spec: IndexSpec,
    options: CallOptions | undefined,
  ): Promise<void> {
    const { driver, runner, place, catalog } = this.#engine;
    for (const { name, properties } of found) {
      const { conflicts, missing } = mappingDifferences(properties, spec.mappings?.properties ?? {});
      if (conflicts.length > 0)
        throw esError(
          place,
          'FAILED_PRECONDITION',
          `ensure: the mapping of '${full}' does not fit, ${conflicts.join('; ')}; use reindexInto to change it`,
        );
      if (Object.keys(missing).length === 0) continue;
      await runner.run(PUT_MAPPING, options, (call) => driver.addFields(name, missing, call), name);
      catalog.forget();
    }
  }

  #missing(full: string): Error {
    return esError(this.#engine.place, 'NOT_FOUND', `there is no index '${full}'`);
  }
}
