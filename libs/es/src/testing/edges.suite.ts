import assert from 'node:assert/strict';
import type { Filter, SearchQuery, SortValue } from '../es.types.js';
import type { Bench, Product, SuiteTest } from './suite-target.js';

const SOLD: readonly Product[] = [
  { sku: 'a', title: 'one', soldAt: '2024-02-28T23:59:59.999Z' },
  { sku: 'b', title: 'two', soldAt: '2024-02-29' },
  { sku: 'c', title: 'three', soldAt: '2024-02-29T23:59:59.999Z' },
  { sku: 'd', title: 'four', soldAt: '2024-03-01T00:00:00' },
];

async function sold(bench: Bench, ...filter: Filter[]): Promise<string> {
  return (await bench.ids({ filter, sort: 'sku' })).join('');
}

/** Ids of everything, page by page: `after` has been a text on its way, as it is between a browser and a service. */
async function paged(bench: Bench, query: SearchQuery): Promise<string[]> {
  const seen: string[] = [];
  let after: readonly SortValue[] | undefined;
  do {
    const { hits } = await bench.es.search('products', { ...query, size: 2, after });
    seen.push(...hits.map(({ id }) => id));
    after = hits.length === 0 ? undefined : JSON.parse(JSON.stringify(hits.at(-1)?.sort));
  } while (after !== undefined);
  return seen;
}

export const edgeTests: Readonly<Record<string, SuiteTest>> = {
  'a date without its time is the whole day to a filter, and UTC': async (bench) => {
    await bench.products(SOLD);
    const field = 'soldAt';
    assert.equal(await sold(bench, { range: { field, lte: '2024-02-29' } }), 'abc');
    assert.equal(await sold(bench, { range: { field, gt: '2024-02-29' } }), 'd');
    assert.equal(await sold(bench, { range: { field, gte: '2024-02-29', lt: '2024-03-01' } }), 'bc');
    assert.equal(await sold(bench, { range: { field, gt: '2024-01', lte: '2024-03' } }), 'abcd');
    assert.equal(await sold(bench, { range: { field, lte: '2024-02-28T23:59' } }), 'a');
    assert.equal(await sold(bench, { range: { field, lte: '2024-02-28T23:59:59Z' } }), 'a');
    assert.equal(await sold(bench, { term: { field, value: '2024-02-29' } }), 'bc');
    assert.equal(await sold(bench, { terms: { field, values: ['2024-02-28', '2024-03'] } }), 'ad');
  },

  'pages and walks through documents that lack what they are sorted by': async (bench) => {
    const docs = Array.from({ length: 9 }, (_, at): Product => {
      const rest = { sku: `p${at}`, title: 'thing' };
      return at % 3 === 0
        ? rest
        : { ...rest, soldAt: `2024-01-0${at}T00:00:00Z`, inStock: at % 2 === 0, price: at };
    });
    await bench.products(docs);
    const lacking = ['p0', 'p3', 'p6'];
    const whole: Record<string, string[]> = {
      soldAt: ['p1', 'p2', 'p4', 'p5', 'p7', 'p8'],
      inStock: ['p1', 'p5', 'p7', 'p2', 'p4', 'p8'],
      price: ['p1', 'p2', 'p4', 'p5', 'p7', 'p8'],
    };
    for (const [field, ids] of Object.entries(whole))
      for (const missing of ['first', 'last'] as const) {
        const sort = [{ field, missing }, 'sku'];
        const expected = missing === 'first' ? [...lacking, ...ids] : [...ids, ...lacking];
        assert.deepEqual(await paged(bench, { sort }), expected);
        const walked: string[] = [];
        for await (const { id } of bench.es.iterate('products', { sort, size: 2 })) walked.push(id);
        assert.deepEqual(walked, expected);
      }
    const backwards = await paged(bench, { sort: ['soldAt:desc', 'sku'] });
    assert.deepEqual(backwards, ['p8', 'p7', 'p5', 'p4', 'p2', 'p1', ...lacking]);
  },

  'a time zone, a source or a query that is none is INVALID_ARGUMENT, named': async (bench) => {
    const { es } = bench;
    await bench.products(SOLD);
    const by = { field: 'soldAt', interval: 'day', timeZone: 'Mars/Base' } as const;
    const aggregations = { days: { dateHistogram: by } };
    await bench.rejects('INVALID_ARGUMENT', es.search('products', { aggregations }), /timeZone.*Mars/);
    const source = 'sku' as unknown as string[];
    await bench.rejects('INVALID_ARGUMENT', es.search('products', { source }), /source/);
    const query = undefined as unknown as SearchQuery;
    const scope = { field: 'sku', value: 'a' };
    await bench.rejects('INVALID_ARGUMENT', es.searchIn('products', scope, query), /query/);
    const walk = es.iterate('products', query)[Symbol.asyncIterator]();
    await bench.rejects('INVALID_ARGUMENT', walk.next() as Promise<unknown>, /query/);
  },

  'a field may have the name of something that every object has': async ({ es }) => {
    await es.index('notes', { constructor: 'by hand', valueOf: 5 }, { id: '1', refresh: true });
    assert.equal((await es.search('notes', { text: 'hand' })).total, 1);
    const filter: Filter[] = [{ term: { field: 'constructor', value: 'by hand' } }];
    assert.equal((await es.search('notes', { filter })).total, 1);
    await es.indices.ensure({ index: 'parts', mappings: { properties: { sku: { type: 'keyword' } } } });
    const more = { index: 'parts', mappings: { properties: { constructor: { type: 'keyword' } } } } as const;
    await es.indices.ensure(more);
    await es.indices.ensure(more);
  },

  'what cannot be counted, measured or compared is INVALID_ARGUMENT, named': async (bench) => {
    const { es } = bench;
    await bench.products(SOLD);
    const values = Array.from({ length: 65_537 }, (_, at) => `${at}`);
    const bad: readonly (readonly [SearchQuery, RegExp])[] = [
      [{ filter: [{ terms: { field: 'sku', values } }] }, /filter\[0\]\.terms\.values.*65536/],
      [{ aggregations: { x: { stats: { field: 'sku' } } } }, /aggregations\.x\.stats.*'sku' is keyword/],
      [
        { aggregations: { x: { range: { field: 'sku', ranges: [{ to: 1 }] } } } },
        /x\.range.*'sku' is keyword/,
      ],
      [{ aggregations: { 'a>b': { stats: { field: 'price' } } } }, /aggregations.*"a>b"/],
    ];
    for (const [query, about] of bad)
      await bench.rejects('INVALID_ARGUMENT', es.search('products', query), about);
  },

  'a document that cannot be written as JSON is INVALID_ARGUMENT, and nothing has happened': async (
    bench,
  ) => {
    const { es } = bench;
    const round: { self?: object } = {};
    round.self = round;
    const docs: object[] = [{ n: 1n }, round];
    for (const doc of docs) {
      await bench.rejects('INVALID_ARGUMENT', es.index('notes', doc), /JSON/);
      await bench.rejects('INVALID_ARGUMENT', es.update<object>('notes', '1', doc), /JSON/);
    }
    assert.deepEqual(await es.indices.list(), []);
  },
};
