import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isInfraError, type InfraErrorCode } from '@infra-kit/kernel';
import { createEs } from '../create-es.js';
import type { EsOptions } from '../es.config.js';
import type { EsProvider } from '../es.provider.js';
import type { FieldMappings, SearchQuery } from '../es.types.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

export interface EsSuiteTarget {
  readonly name: string;
  /** What each test makes its es of; `indexPrefix` is the suite's. Drivers that are given stay open. */
  readonly options: () => EsOptions | Promise<EsOptions>;
  /** Whether `raw` is spoken. */
  readonly raw: boolean;
}

export interface Product {
  readonly sku: string;
  readonly title: string;
  readonly price?: number;
  readonly tags?: readonly string[];
  readonly soldAt?: string;
  readonly inStock?: boolean;
  readonly maker?: { readonly name: string; readonly country: string };
}

export const PRODUCTS: FieldMappings = {
  sku: { type: 'keyword' },
  title: { type: 'text' },
  description: { type: 'text' },
  price: { type: 'double' },
  tags: { type: 'keyword' },
  soldAt: { type: 'date' },
  inStock: { type: 'boolean' },
  maker: { properties: { name: { type: 'text' }, country: { type: 'keyword' } } },
};

/** What a test of the suite works with: an es of its own prefix. */
export class Bench {
  readonly es: EsProvider;
  readonly target: EsSuiteTarget;
  readonly prefix: string;

  private constructor(es: EsProvider, target: EsSuiteTarget, prefix: string) {
    this.es = es;
    this.target = target;
    this.prefix = prefix;
  }

  static async open(target: EsSuiteTarget): Promise<Bench> {
    const indexPrefix = `suite-${randomBytes(6).toString('hex')}-`;
    const es = await createEs(
      { requestTimeoutMs: 60_000, ...(await target.options()), indexPrefix },
      { env: 'test' },
    );
    return new Bench(es, target, indexPrefix);
  }

  /** An index of products with these documents, ids being their sku. */
  async products(docs: readonly Product[], index = 'products'): Promise<void> {
    await this.es.indices.ensure({
      index,
      mappings: { properties: PRODUCTS },
      settings: { number_of_replicas: 0 },
    });
    const report = await this.es.bulkIndex(index, docs, { id: ({ sku }) => sku });
    assert.deepEqual(report.failed, []);
    await this.es.indices.refresh(index);
  }

  /** Ids of what is found, in order. */
  async ids(query: SearchQuery, index = 'products'): Promise<string[]> {
    const { hits } = await this.es.search(index, query);
    return hits.map(({ id }) => id);
  }

  async rejects(code: InfraErrorCode, promise: Promise<unknown>, about = /./): Promise<void> {
    await assert.rejects(promise, (error) => {
      assert.ok(isInfraError(error), String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, about);
      return true;
    });
  }

  async end(): Promise<void> {
    try {
      for (const index of await this.es.indices.list()) await this.es.indices.delete(index);
    } finally {
      await this.es.close();
    }
  }
}

export type SuiteTest = (bench: Bench) => Promise<void>;
