import { randomBytes } from 'node:crypto';
import { isInfraError, type CallOptions } from '@infra-kit/kernel';
import type { AliasAction, IndexState } from '../drivers/es-driver.js';
import { esError } from '../es.errors.js';
import type { ReindexOptions } from '../es.provider.js';
import type { BulkFailure, Hit, IndexBody } from '../es.types.js';
import type { BulkCalls } from './bulk-calls.js';
import type { EsEngine } from './es-engine.js';
import { newId } from './new-id.js';
import type { Searches } from './searches.js';

const FILLING = '.filling-';
const VERSION_DIGITS = 6;
const MOST_TRIES = 10;

/** `products` → `products-000001`. */
export function versionOf(full: string, version: number): string {
  return `${full}-${String(version).padStart(VERSION_DIGITS, '0')}`;
}

/** Whether a run has not finished with this index: its private alias is there. */
export function isFilling({ aliases }: IndexState): boolean {
  return aliases.some((alias) => alias.includes(FILLING));
}

export interface ReindexPlan<T> {
  /** As the caller knows it. */
  readonly alias: string;
  readonly full: string;
  readonly body: IndexBody;
  readonly options: ReindexOptions<T>;
}
interface Item {
  readonly id: string;
  readonly source: object;
  readonly routing?: string | undefined;
}

const operation = (name: string, repeatable = true): { name: string; repeatable: boolean } => ({
  name,
  repeatable,
});

function isHit<T>(item: T | Hit<T>): item is Hit<T> {
  if (typeof item !== 'object' || item === null) return false;
  return ['id', 'index', 'source', 'score'].every((key) => key in item);
}

/**
 * One run of `reindexInto`. The new index is made together with a private alias of this run, and is written to through
 * that alone; the same step that swaps the readers' alias removes it. So an index with such an alias is unfinished,
 * whatever moment its run died in, and a run whose index was removed by a later one cannot write any more.
 */
export class ReindexRun<T extends object> {
  readonly #engine: EsEngine;
  readonly #parts: { readonly bulk: BulkCalls; readonly searches: Searches };
  readonly #plan: ReindexPlan<T>;
  readonly #filling: string;
  readonly #limits: CallOptions;

  constructor(
    engine: EsEngine,
    parts: { readonly bulk: BulkCalls; readonly searches: Searches },
    plan: ReindexPlan<T>,
  ) {
    this.#engine = engine;
    this.#parts = parts;
    this.#plan = plan;
    this.#filling = `${plan.full}${FILLING}${randomBytes(6).toString('hex')}`;
    this.#limits = { signal: plan.options.signal, timeoutMs: plan.options.timeoutMs };
  }

  async run(
    source: AsyncIterable<T | Hit<T>> | Iterable<T | Hit<T>> | 'server' | undefined,
  ): Promise<string> {
    const family = await this.#family();
    this.#refuseIndex(family);
    await this.#removeLeftovers(family);
    const index = await this.#create(family);
    try {
      const given = source === 'server' ? await this.#fillOnServer() : await this.#fill(source);
      await this.#compare(index, given);
      await this.#swapOnce(index);
      return index;
    } catch (error) {
      await this.#remove(index);
      throw error;
    }
  }

  /** The index under the alias's own name, and every version of it. */
  async #family(): Promise<readonly IndexState[]> {
    const { full } = this.#plan;
    const [behind, versions] = await Promise.all([this.#states(full), this.#states(`${full}-*`)]);
    const named = new RegExp(`-\\d{${VERSION_DIGITS},}$`);
    const own = versions.filter(({ name }) => named.test(name) && name.replace(named, '') === full);
    return [...new Map([...behind, ...own].map((state) => [state.name, state])).values()];
  }

  #refuseIndex(family: readonly IndexState[]): void {
    const { full, alias } = this.#plan;
    if (!family.some(({ name }) => name === full)) return;
    throw esError(
      this.#engine.place,
      'FAILED_PRECONDITION',
      `reindexInto: '${alias}' is an index, not an alias; make it by ensure, or choose another name for the alias`,
    );
  }

  /** What a run left that was interrupted, or that began before this one. */
  async #removeLeftovers(family: readonly IndexState[]): Promise<void> {
    for (const state of family.filter(isFilling)) {
      this.#engine.logger.warn('an unfinished index of an earlier run is removed', { index: state.name });
      await this.#remove(state.name);
    }
  }

  async #create(family: readonly IndexState[]): Promise<string> {
    const { driver, runner, place } = this.#engine;
    const { full, body } = this.#plan;
    const versions = family.map(({ name }) => Number(name.slice(full.length + 1))).filter(Number.isInteger);
    const first = Math.max(0, ...versions) + 1;
    const aliases = { [this.#filling]: { is_hidden: true } };
    for (let version = first; version < first + MOST_TRIES; version++) {
      const index = versionOf(full, version);
      try {
        await runner.run(
          operation('indices.create', false),
          this.#limits,
          (call) => driver.createIndex(index, { ...body, aliases, hidden: true }, call),
          index,
        );
        return index;
      } catch (error) {
        // another run took the number
        if (!isInfraError(error) || error.code !== 'ALREADY_EXISTS') throw error;
      }
    }
    throw esError(place, 'ABORTED', `reindexInto: other runs for '${full}' are under way`);
  }

  /** How many documents, each id counted once. */
  async #fill(source: AsyncIterable<T | Hit<T>> | Iterable<T | Hit<T>> | undefined): Promise<number> {
    const { alias } = this.#plan;
    const documents =
      source ?? (this.#parts.searches.iterate<T>(alias, {}, this.#limits) as AsyncIterable<Hit<T>>);
    const ids = new Set<string>();
    const sources = new WeakMap<object, Item>();
    const items = async function* (this: ReindexRun<T>): AsyncGenerator<object> {
      for await (const each of documents) {
        const item = this.#item(each);
        ids.add(item.id);
        sources.set(item.source, item);
        yield item.source;
      }
    }.bind(this);
    const failures: BulkFailure<object>[] = [];
    const report = await this.#parts.bulk.write(
      { index: this.#filling, requireAlias: true },
      items(),
      {
        id: (doc) => sources.get(doc)?.id ?? newId(),
        routing: (doc) => sources.get(doc)?.routing,
        onFailure: (failure) => void failures.push(failure),
      },
      this.#limits,
    );
    const [failure] = report.failed;
    if (failure !== undefined) throw this.#failedBy(failure, report.failed.length);
    return ids.size;
  }

  #item(each: T | Hit<T>): Item {
    const { names } = this.#engine;
    if (isHit(each))
      return {
        id: names.id(each.id),
        source: { ...names.document(each.source, 'a document of source') },
        routing: each.routing,
      };
    const { id } = this.#plan.options;
    // a copy: the same object given twice is two documents
    const source = { ...names.document(each, 'a document of source') };
    return { id: id === undefined ? newId() : names.id(id(each), 'the id of a document'), source };
  }

  #failedBy({ reason, status }: BulkFailure<object>, count: number): Error {
    const gone = status === 404;
    const what = gone
      ? 'another run has removed its index, and goes on'
      : `${count} documents could not be indexed, the first because of ${reason}`;
    const code = gone ? 'ABORTED' : status === 400 ? 'INVALID_ARGUMENT' : 'UNAVAILABLE';
    return esError(
      this.#engine.place,
      code,
      `reindexInto '${this.#plan.alias}': ${what}; the alias is as it was`,
    );
  }

  async #fillOnServer(): Promise<number> {
    const { driver, runner } = this.#engine;
    const { full } = this.#plan;
    const expected = await this.#count(full);
    await runner.runLong(
      operation('reindex', false),
      this.#limits,
      (call) => driver.reindex(full, this.#filling, call),
      full,
    );
    return expected;
  }

  async #compare(index: string, given: number): Promise<void> {
    const { driver, runner, place } = this.#engine;
    await runner.run(
      operation('indices.refresh'),
      this.#limits,
      (call) => driver.refresh(this.#filling, call),
      index,
    );
    const found = await this.#count(this.#filling);
    if (found !== given)
      throw esError(
        place,
        'DATA_LOSS',
        `reindexInto '${this.#plan.alias}': ${given} documents were given and ${found} are there; the alias is as it was`,
      );
  }

  /** A swap whose answer was lost may have happened: then it has. */
  async #swapOnce(index: string): Promise<void> {
    try {
      await this.#swap(index);
    } catch (error) {
      const [state] = await this.#states(index, {});
      if (!state?.aliases.includes(this.#plan.full)) throw error;
    }
  }

  /** One step for every reader; a run that was overtaken fails in it. */
  async #swap(index: string): Promise<void> {
    const { driver, runner } = this.#engine;
    const { full, body } = this.#plan;
    const old = (await this.#states(full)).filter(({ name }) => name !== full);
    const actions: AliasAction[] = [
      ...old.map(({ name }) => ({ remove: { index: name, alias: full } })),
      { add: { index, alias: full } },
      ...Object.keys(body.aliases ?? {}).map((alias) => ({ add: { index, alias } })),
      { remove: { index, alias: this.#filling } },
    ];
    await runner.run(
      operation('indices.update_aliases', false),
      this.#limits,
      (call) => driver.changeAliases(actions, call),
      full,
    );
  }

  /** Unless it is in use: a swap whose answer was lost may have happened. */
  async #remove(index: string): Promise<void> {
    const { driver, runner, logger } = this.#engine;
    try {
      const [state] = await this.#states(index, {});
      if (state === undefined || !isFilling(state)) return;
      await runner.run(
        operation('indices.delete', false),
        {},
        (call) => driver.deleteIndices([index], call),
        index,
      );
    } catch (error) {
      if (isInfraError(error) && error.code === 'NOT_FOUND') return;
      logger.warn('an unfinished index is left for the next run to remove', { index, err: error });
    }
  }

  async #states(expression: string, limits: CallOptions = this.#limits): Promise<readonly IndexState[]> {
    const { driver, runner } = this.#engine;
    return runner.run(
      operation('indices.get'),
      limits,
      (call) => driver.states(expression, call),
      expression,
    );
  }

  async #count(name: string): Promise<number> {
    const { driver, runner } = this.#engine;
    return runner.run(operation('count'), this.#limits, (call) => driver.count(name, call), name);
  }
}
