import type { CallOptions } from '@infra-kit/kernel';
import type { StoredDocument } from '../drivers/es-driver.js';
import { invalidArgument, shown } from '../es.errors.js';
import type {
  DeleteOptions,
  GetOptions,
  Hit,
  IndexOptions,
  IndexResult,
  UpdateOptions,
} from '../es.types.js';
import type { EsEngine } from './es-engine.js';
import { newId } from './new-id.js';

const GET = { name: 'get', repeatable: true };

/** A found document as callers see it. */
export function hitOf<T>(
  { names }: Pick<EsEngine, 'names'>,
  { id, index, source, seqNo, primaryTerm, routing }: StoredDocument,
): Hit<T> {
  const hit: { -readonly [K in keyof Hit<T>]: Hit<T>[K] } = {
    id,
    index: names.own(index),
    source: source as T,
    score: null,
  };
  if (seqNo !== undefined) hit.seqNo = seqNo;
  if (primaryTerm !== undefined) hit.primaryTerm = primaryTerm;
  if (routing !== undefined) hit.routing = routing;
  return hit;
}

/** One document at a time. */
export class Documents {
  readonly #engine: EsEngine;

  constructor(engine: EsEngine) {
    this.#engine = engine;
  }

  async index(index: string, doc: object, options: IndexOptions = {}): Promise<IndexResult> {
    const { driver, runner, names, catalog } = this.#engine;
    const name = names.full(index);
    const source = names.document(doc);
    const id = options.id === undefined ? newId() : names.id(options.id);
    this.#checkNumbers(options);
    const { version, refresh, routing, ifSeqNo, ifPrimaryTerm } = options;
    this.#checkWhole('version', version);
    if (version !== undefined && ifSeqNo !== undefined)
      throw invalidArgument(this.#engine.place, 'version: pass either version, or ifSeqNo and ifPrimaryTerm');
    catalog.noteWrite(name, source);
    const request = { index: name, id, source, version, refresh, routing, ifSeqNo, ifPrimaryTerm };
    const repeatable = ifSeqNo === undefined && version === undefined;
    return this.#own(
      await runner.run({ name: 'index', repeatable }, options, (call) => driver.index(request, call), name),
    );
  }

  async get<T>(index: string, id: string, options: GetOptions = {}): Promise<Hit<T> | undefined> {
    const { driver, runner, names } = this.#engine;
    const request = { index: names.full(index), id: names.id(id), routing: options.routing };
    const found = await runner.run(GET, options, (call) => driver.get(request, call), request.index);
    return found && hitOf<T>(this.#engine, found);
  }

  async update(
    index: string,
    id: string,
    partial: object,
    options: UpdateOptions<object> = {},
  ): Promise<IndexResult> {
    const { driver, runner, names, catalog } = this.#engine;
    const { upsert, retryOnConflict, refresh, routing } = options;
    const request = {
      index: names.full(index),
      id: names.id(id),
      partial: names.document(partial, 'partial'),
      upsert: upsert === undefined ? undefined : names.document(upsert, 'upsert'),
      retryOnConflict,
      refresh,
      routing,
    };
    this.#checkWhole('retryOnConflict', retryOnConflict);
    catalog.noteWrite(request.index, partial);
    if (upsert !== undefined) catalog.noteWrite(request.index, upsert);
    const operation = { name: 'update', repeatable: true };
    return this.#own(
      await runner.run(operation, options, (call) => driver.update(request, call), request.index),
    );
  }

  async delete(index: string, id: string, options: DeleteOptions = {}): Promise<boolean> {
    const { driver, runner, names } = this.#engine;
    const { refresh, routing, ifSeqNo, ifPrimaryTerm } = options;
    const request = { index: names.full(index), id: names.id(id), refresh, routing, ifSeqNo, ifPrimaryTerm };
    this.#checkNumbers(options);
    // a second try would say that there was none
    const operation = { name: 'delete', repeatable: false };
    return await runner.run(operation, options, (call) => driver.delete(request, call), request.index);
  }

  async exists(index: string, id: string, options?: GetOptions & CallOptions): Promise<boolean> {
    return (await this.get(index, id, options)) !== undefined;
  }

  #own(result: IndexResult): IndexResult {
    return { ...result, index: this.#engine.names.own(result.index) };
  }

  #checkNumbers({ ifSeqNo, ifPrimaryTerm }: Pick<DeleteOptions, 'ifSeqNo' | 'ifPrimaryTerm'>): void {
    if ((ifSeqNo === undefined) !== (ifPrimaryTerm === undefined))
      throw invalidArgument(this.#engine.place, 'ifPrimaryTerm: ifSeqNo and ifPrimaryTerm go together');
    this.#checkWhole('ifSeqNo', ifSeqNo);
    this.#checkWhole('ifPrimaryTerm', ifPrimaryTerm);
  }

  #checkWhole(name: string, value: number | undefined): void {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return;
    throw invalidArgument(this.#engine.place, `${name} must be a whole number ≥ 0, got ${shown(value)}`);
  }
}
