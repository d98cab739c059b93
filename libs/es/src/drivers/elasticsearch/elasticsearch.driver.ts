import type { Client, estypes } from '@elastic/elasticsearch';
import type { ElasticsearchService } from '@nestjs/elasticsearch';
import type { FieldMappings, IndexBody, IndexResult, Refresh } from '../../es.types.js';
import type {
  AliasAction,
  BulkOutcome,
  BulkRequest,
  DeleteRequest,
  DriverCall,
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
import { bulkOutcomesOf, indexResultOf, pageOf, storedOf } from './es-answers.js';
import { failureOf } from './es-failures.js';
import { bodyOf } from './es-query.js';
import { reindexOnServer } from './server-reindex.js';

export interface ElasticsearchPlaces {
  /** Without credentials. */
  readonly nodes: readonly string[];
}

const refreshOf = (refresh: Refresh | undefined): { refresh?: boolean | 'wait_for' } =>
  refresh === undefined ? {} : { refresh: refresh === 'wait' ? 'wait_for' : refresh };

/** Leaves out what is not given: the client sends undefined members as empty parameters. */
function given<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Whether a 404 says that the document, not its index, is missing. */
function isMissingDocument(error: unknown): boolean {
  const { status } = failureOf(error);
  const body: unknown = Reflect.get(Object(error) as object, 'body');
  return status === 404 && Reflect.get(Object(body) as object, 'error') === undefined;
}

/** Elasticsearch through its own client, as an `ElasticsearchService` of @nestjs/elasticsearch. */
export class ElasticsearchDriver implements EsDriver {
  readonly kind = 'elasticsearch';
  readonly native: ElasticsearchService;
  readonly capabilities = { raw: true, serverReindex: true };
  readonly telemetry: Readonly<Record<string, string | number>>;
  readonly #client: Client;
  readonly #nodes: readonly string[];

  constructor(client: ElasticsearchService, { nodes }: ElasticsearchPlaces) {
    this.native = client;
    this.#client = client;
    this.#nodes = nodes;
    const [only] = nodes.length === 1 ? nodes : [];
    const url = only === undefined ? undefined : new URL(only);
    this.telemetry = {
      'db.system.name': 'elasticsearch',
      ...(url && {
        'server.address': url.hostname,
        'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
      }),
    };
  }

  describe(): Readonly<Record<string, unknown>> {
    return { address: this.#nodes.join(', ') };
  }

  failureOf(error: unknown): Failure {
    return failureOf(error);
  }

  async ping({ signal }: DriverCall): Promise<'green' | 'yellow' | 'red'> {
    // not HEAD /: the distribution for tests does not have it, and it says nothing about the cluster
    const { status } = await this.#client.cluster.health({ filter_path: 'status' }, { signal });
    return status === 'green' || status === 'yellow' ? status : 'red';
  }

  async createIndex(
    name: string,
    { mappings, settings, aliases, hidden }: IndexBody & { readonly hidden: boolean },
    { signal }: DriverCall,
  ): Promise<void> {
    const request = {
      index: name,
      mappings,
      settings: hidden ? { ...settings, 'index.hidden': true } : settings,
      aliases,
    };
    await this.#client.indices.create(given(request) as estypes.IndicesCreateRequest, { signal });
  }

  async deleteIndices(names: readonly string[], { signal }: DriverCall): Promise<void> {
    await this.#client.indices.delete({ index: [...names] }, { signal });
  }

  async states(expression: string, { signal }: DriverCall): Promise<readonly IndexState[]> {
    const found = await this.#client.indices.get(
      {
        index: expression,
        expand_wildcards: ['open', 'closed', 'hidden'],
        ignore_unavailable: true,
        allow_no_indices: true,
        features: ['aliases', 'mappings'],
      },
      { signal },
    );
    return Object.entries(found).map(([name, { aliases, mappings }]) => ({
      name,
      aliases: Object.keys(aliases ?? {}),
      properties: (mappings?.properties ?? {}) as FieldMappings,
    }));
  }

  async addFields(name: string, properties: FieldMappings, { signal }: DriverCall): Promise<void> {
    const fields = properties as Record<string, estypes.MappingProperty>;
    await this.#client.indices.putMapping({ index: name, properties: fields }, { signal });
  }

  async changeAliases(actions: readonly AliasAction[], { signal }: DriverCall): Promise<void> {
    const all = actions.map((action) =>
      'remove' in action ? { remove: { ...action.remove, must_exist: true } } : action,
    );
    await this.#client.indices.updateAliases({ actions: all }, { signal });
  }

  async refresh(name: string, { signal }: DriverCall): Promise<void> {
    await this.#client.indices.refresh({ index: name }, { signal });
  }

  async count(name: string, { signal }: DriverCall): Promise<number> {
    const { count } = await this.#client.count({ index: name }, { signal });
    return count;
  }

  async index(request: IndexRequest, { signal }: DriverCall): Promise<IndexResult> {
    const { index, id, routing, version, ifSeqNo: if_seq_no, ifPrimaryTerm: if_primary_term } = request;
    const version_type = version === undefined ? undefined : ('external' as const);
    const params = given({ index, id, routing, version, version_type, if_seq_no, if_primary_term });
    const answer = await this.#client.index(
      { ...params, ...refreshOf(request.refresh), document: request.source },
      { signal },
    );
    return indexResultOf(answer);
  }

  async get(request: GetRequest, { signal }: DriverCall): Promise<StoredDocument | undefined> {
    try {
      return storedOf(await this.#client.get(given({ ...request }), { signal }));
    } catch (error) {
      if (isMissingDocument(error)) return undefined;
      throw error;
    }
  }

  async lookUp(
    index: string,
    ids: readonly string[],
    { signal }: DriverCall,
  ): Promise<readonly (StoredDocument | undefined)[]> {
    const { docs } = await this.#client.mget({ index, ids: [...ids] }, { signal });
    return docs.map((doc) => ('found' in doc ? storedOf(doc) : undefined));
  }

  async update(request: UpdateRequest, { signal }: DriverCall): Promise<IndexResult> {
    const { index, id, routing, partial, upsert, retryOnConflict: retry_on_conflict } = request;
    const params = given({ index, id, routing, upsert, retry_on_conflict });
    const answer = await this.#client.update(
      { ...params, ...refreshOf(request.refresh), doc: partial },
      { signal },
    );
    return indexResultOf(answer);
  }

  async delete(request: DeleteRequest, { signal }: DriverCall): Promise<boolean> {
    const { index, id, routing, ifSeqNo: if_seq_no, ifPrimaryTerm: if_primary_term } = request;
    const params = given({ index, id, routing, if_seq_no, if_primary_term });
    try {
      await this.#client.delete({ ...params, ...refreshOf(request.refresh) }, { signal });
      return true;
    } catch (error) {
      if (isMissingDocument(error)) return false;
      throw error;
    }
  }

  async bulk(request: BulkRequest, { signal }: DriverCall): Promise<readonly BulkOutcome[]> {
    const { index, ops, requireAlias } = request;
    const operations: string[] = [];
    for (const { id, json, routing } of ops) {
      const place = routing === undefined ? '' : `,"routing":${JSON.stringify(routing)}`;
      operations.push(`{"${json === undefined ? 'delete' : 'index'}":{"_id":${JSON.stringify(id)}${place}}}`);
      if (json !== undefined) operations.push(json);
    }
    const answer = await this.#client.bulk(
      {
        index,
        operations,
        filter_path: 'items.*.status,items.*.error',
        ...(requireAlias && { require_alias: true }),
      },
      { signal },
    );
    return bulkOutcomesOf(answer);
  }

  async search(plan: SearchPlan, { signal }: DriverCall): Promise<FoundPage> {
    const body = bodyOf(plan);
    if (plan.point === undefined) body.index = plan.index;
    return pageOf(await this.#client.search(body, { signal }), plan);
  }

  async openPoint(index: string, { signal }: DriverCall): Promise<string> {
    const { id } = await this.#client.openPointInTime({ index, keep_alive: '1m' }, { signal });
    return id;
  }

  async closePoint(point: string, { signal }: DriverCall): Promise<void> {
    await this.#client.closePointInTime({ id: point }, { signal });
  }

  async reindex(from: string, to: string, call: DriverCall): Promise<number> {
    return await reindexOnServer(this.#client, { from, to }, call);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
