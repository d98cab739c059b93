import { messageOf } from '@infra-kit/kernel';
import type { Fields } from '../../operations/fields.js';
import type { FieldMappings, IndexBody, IndexResult } from '../../es.types.js';
import type {
  AliasAction,
  BulkOutcome,
  BulkRequest,
  DeleteRequest,
  EsDriver,
  Failure,
  FoundPage,
  GetRequest,
  IndexRequest,
  IndexState,
  SearchPlan,
  StoredDocument,
  UpdateRequest,
} from '../es-driver.js';
import { EsRefusal } from '../es-refusal.js';
import { aggregate } from './memory-aggregations.js';
import { compareSorted } from './memory-filter.js';
import { byPlan, MemoryIndex, PRIMARY_TERM, type Match, type MemoryDocument } from './memory-index.js';
import { MemoryIndices } from './memory-indices.js';
import { MemoryPoints } from './memory-points.js';
import { merged } from './merge.js';

export interface MemoryEsDriverOptions {
  /** Most documents of all indices together; RESOURCE_EXHAUSTED beyond. Default 1,000,000. */
  readonly maxDocuments?: number | undefined;
}

type Found = readonly { readonly index: MemoryIndex; readonly match: Match }[];

const STATUS: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 413,
};

/** The typed subset in this process: nothing is kept when it ends, and a change is found at once. */
export class MemoryEsDriver implements EsDriver {
  readonly kind = 'memory';
  readonly native = undefined;
  readonly capabilities = { raw: false, serverReindex: true };
  readonly telemetry = { 'db.system.name': 'memory' };
  readonly #indices = new MemoryIndices();
  readonly #points = new MemoryPoints<Found>();
  readonly #maxDocuments: number;

  constructor({ maxDocuments = 1_000_000 }: MemoryEsDriverOptions = {}) {
    this.#maxDocuments = maxDocuments;
  }

  describe(): Readonly<Record<string, unknown>> {
    return { indices: this.#indices.size };
  }

  failureOf(error: unknown): Failure {
    const code = error instanceof EsRefusal ? error.code : 'INTERNAL';
    return {
      code,
      status: STATUS[code] ?? 500,
      nothingDone: true,
      reason: error instanceof Error ? error.message : String(error),
    };
  }

  async ping(): Promise<'green'> {
    return 'green';
  }

  async createIndex(name: string, body: IndexBody & { readonly hidden: boolean }): Promise<void> {
    this.#indices.create(name, body);
  }

  async deleteIndices(names: readonly string[]): Promise<void> {
    this.#indices.delete(names);
  }

  async states(expression: string): Promise<readonly IndexState[]> {
    return this.#indices.matching(expression, 'all').map(({ name, aliases, mapping }) => ({
      name,
      aliases: [...aliases],
      properties: mapping.properties,
    }));
  }

  async addFields(name: string, properties: FieldMappings): Promise<void> {
    for (const index of this.#indices.existing(name)) index.addFields(properties);
  }

  async changeAliases(actions: readonly AliasAction[]): Promise<void> {
    this.#indices.changeAliases(actions);
  }

  async refresh(name: string): Promise<void> {
    this.#indices.existing(name);
  }

  async count(name: string): Promise<number> {
    return this.#indices.existing(name).reduce((sum, { size }) => sum + size, 0);
  }

  async index(request: IndexRequest): Promise<IndexResult> {
    const source = plain(request.source);
    const index = this.#indices.forWriting(request.index);
    const before = index.get(request.id);
    this.#checkNumbers(request, before);
    const { version } = request;
    if (version !== undefined && before !== undefined && before.version >= version)
      throw conflict(request.id, `its version is ${before.version}, given was ${version}`);
    return this.#put(index, request.id, source, request);
  }

  async get({ index: name, id }: GetRequest): Promise<StoredDocument | undefined> {
    const index = this.#indices.one(name);
    const document = index.get(id);
    return document && index.stored(document);
  }

  async lookUp(name: string, ids: readonly string[]): Promise<readonly (StoredDocument | undefined)[]> {
    return await Promise.all(ids.map((id) => this.get({ index: name, id })));
  }

  async update({ index: name, id, partial, upsert, routing }: UpdateRequest): Promise<IndexResult> {
    const change = plain(partial);
    const index = upsert === undefined ? this.#indices.one(name) : this.#indices.forWriting(name);
    const before = index.get(id);
    if (before === undefined && upsert === undefined)
      throw new EsRefusal('NOT_FOUND', `document_missing_exception: [${id}]: document missing`);
    const source = before === undefined ? plain(upsert) : merged(before.source, change);
    return this.#put(index, id, source, { routing });
  }

  async delete(request: DeleteRequest): Promise<boolean> {
    const index = this.#indices.one(request.index);
    this.#checkNumbers(request, index.get(request.id));
    return index.delete(request.id);
  }

  async bulk({ index: name, ops, requireAlias }: BulkRequest): Promise<readonly BulkOutcome[]> {
    return ops.map(({ id, json, routing }): BulkOutcome => {
      try {
        const index = requireAlias ? this.#indices.behind(name) : this.#indices.forWriting(name);
        if (json === undefined) return { status: index.delete(id) ? 200 : 404 };
        return { status: this.#put(index, id, JSON.parse(json) as object, { routing }).created ? 201 : 200 };
      } catch (error) {
        const { status, reason } = this.failureOf(error);
        return { status, reason };
      }
    });
  }

  async search(plan: SearchPlan): Promise<FoundPage> {
    if (plan.raw !== undefined)
      throw new EsRefusal(
        'UNIMPLEMENTED',
        "raw is Elasticsearch's own language, which the memory driver does not speak",
      );
    const started = performance.now();
    const { point } = plan;
    const found = point === undefined ? this.#find(plan) : this.#points.found(point, () => this.#find(plan));
    const rest = plan.after === undefined ? found : found.slice(afterIn(found, plan));
    const hits = rest.slice(plan.from, plan.from + plan.size).map(({ index, match }, at) => ({
      ...index.hit(match, plan),
      ...(point !== undefined && { sort: [rankOf(plan) + at + 1] }),
    }));
    return {
      total: found.length,
      hits,
      aggregations: plan.aggregations && this.#aggregate(plan, found),
      tookMs: Math.round(performance.now() - started),
      point,
    };
  }

  async openPoint(index: string): Promise<string> {
    this.#indices.existing(index);
    return this.#points.open();
  }

  async closePoint(point: string): Promise<void> {
    this.#points.close(point);
  }

  async reindex(from: string, to: string): Promise<number> {
    const target = this.#indices.behind(to);
    let count = 0;
    for (const index of this.#indices.existing(from))
      for (const { document } of index.find(everything(from))) {
        this.#put(target, document.id, plain(document.source), { routing: document.routing });
        count++;
      }
    return count;
  }

  async close(): Promise<void> {
    this.#indices.clear();
    this.#points.clear();
  }

  #put(
    index: MemoryIndex,
    id: string,
    source: object,
    given: { version?: number | undefined; routing?: string | undefined },
  ): IndexResult {
    const created = index.get(id) === undefined;
    if (created && this.#indices.documents >= this.#maxDocuments)
      throw new EsRefusal(
        'RESOURCE_EXHAUSTED',
        `the memory driver holds at most ${this.#maxDocuments} documents`,
      );
    const { version, seqNo } = index.put(id, source, given);
    return { id, index: index.name, created, version, seqNo, primaryTerm: PRIMARY_TERM };
  }

  #checkNumbers({ id, ifSeqNo, ifPrimaryTerm }: DeleteRequest, before: MemoryDocument | undefined): void {
    if (ifSeqNo === undefined || (before?.seqNo === ifSeqNo && ifPrimaryTerm === PRIMARY_TERM)) return;
    throw conflict(
      id,
      before === undefined ? 'it is missing' : `its seqNo is ${before.seqNo}, given was ${ifSeqNo}`,
    );
  }

  #find(plan: SearchPlan): Found {
    const order = byPlan(plan);
    return this.#indices
      .searched(plan.index)
      .flatMap((index) => index.find(plan).map((match) => ({ index, match })))
      .sort((a, b) => order(a.match, b.match));
  }

  #aggregate(plan: SearchPlan, found: Found): FoundPage['aggregations'] {
    const sources = found.map(({ match }) => match.document.source);
    const [first] = this.#indices.searched(plan.index);
    const fields: Fields | undefined = found[0]?.index.fields ?? first?.fields;
    if (fields === undefined) return {};
    return Object.fromEntries(
      Object.entries(plan.aggregations ?? {}).map(([name, agg]) => [name, aggregate(agg, sources, fields)]),
    );
  }
}

const everything = (index: string): SearchPlan => ({ index, filters: [], sort: [], from: 0, size: 0 });
const conflict = (id: string, why: string): EsRefusal =>
  new EsRefusal('ABORTED', `version conflict on [${id}]: ${why}`);
/** As it would come back from a server. */
function plain(source: unknown): object {
  let json: string | undefined;
  try {
    json = JSON.stringify(source);
  } catch (error) {
    throw new EsRefusal('INVALID_ARGUMENT', `it cannot be written as JSON: ${messageOf(error)}`);
  }
  return JSON.parse(json ?? 'null') as object;
}

/** In a point in time a document's place is its rank. */
function rankOf({ after }: SearchPlan): number {
  return after === undefined ? 0 : Number(after.at(-1));
}

function afterIn(found: readonly { match: Match }[], plan: SearchPlan): number {
  if (plan.point !== undefined) return rankOf(plan);
  const at = found.findIndex(({ match }) => compareSorted(plan.sort, match.sort, plan.after ?? []) > 0);
  return at === -1 ? found.length : at;
}
