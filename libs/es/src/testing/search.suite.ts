import assert from 'node:assert/strict';
import type { BucketsResult, Filter, SearchQuery, SortValue } from '../es.types.js';
import type { Bench, Product, SuiteTest } from './suite-target.js';

const SHOP: readonly Product[] = [
  { sku: 'a', title: 'one', price: 10, tags: ['new', 'red'], soldAt: '2024-01-31T23:30:00Z', inStock: true },
  { sku: 'b', title: 'two', price: 20.5, tags: ['red'], soldAt: '2024-02-01T10:00:00Z', inStock: false },
  { sku: 'c', title: 'three', price: 5, tags: ['blue'], soldAt: '2024-04-02T10:00:00Z', inStock: true },
  { sku: 'd', title: 'four', maker: { name: 'Acme', country: 'it' } },
];

async function found(bench: Bench, ...filter: Filter[]): Promise<string> {
  return (await bench.ids({ filter, sort: 'sku' })).join('');
}

export const searchTests: Readonly<Record<string, SuiteTest>> = {
  'filters by exact values, ranges, presence, negation and alternatives, all together': async (bench) => {
    await bench.products(SHOP);
    assert.equal(await found(bench, { term: { field: 'tags', value: 'red' } }), 'ab');
    assert.equal(await found(bench, { term: { field: 'tags', value: 're' } }), '');
    assert.equal(await found(bench, { term: { field: 'price', value: 20.5 } }), 'b');
    assert.equal(await found(bench, { term: { field: 'inStock', value: true } }), 'ac');
    assert.equal(await found(bench, { term: { field: 'maker.country', value: 'it' } }), 'd');
    assert.equal(await found(bench, { terms: { field: 'tags', values: ['blue', 'new'] } }), 'ac');
    assert.equal(await found(bench, { terms: { field: 'tags', values: [] } }), '');
    assert.equal(await found(bench, { range: { field: 'price', gt: 5, lte: 20.5 } }), 'ab');
    assert.equal(await found(bench, { range: { field: 'price', gte: 5, lt: 20.5 } }), 'ac');
    assert.equal(
      await found(bench, { range: { field: 'soldAt', gte: new Date('2024-02-01T00:00:00Z') } }),
      'bc',
    );
    assert.equal(await found(bench, { range: { field: 'soldAt', lt: '2024-02-01T00:00:00Z' } }), 'a');
    assert.equal(await found(bench, { exists: { field: 'price' } }), 'abc');
    assert.equal(await found(bench, { not: { exists: { field: 'price' } } }), 'd');
    const any: Filter = {
      any: [{ term: { field: 'sku', value: 'd' } }, { term: { field: 'tags', value: 'new' } }],
    };
    assert.equal(await found(bench, any), 'ad');
    assert.equal(await found(bench, { any: [] }), '');
    assert.equal(await found(bench, any, { not: { term: { field: 'inStock', value: true } } }), 'd');
    assert.deepEqual(
      await bench.ids({ text: 'one two', filter: [{ term: { field: 'tags', value: 'new' } }] }),
      ['a'],
    );
  },

  'compares a text field that came with a document by its keyword part': async (bench) => {
    const { es } = bench;
    await es.index('notes', { state: 'In Work', n: 1 }, { id: '1' });
    await es.index('notes', { state: 'Done', n: 2 }, { id: '2', refresh: true });
    assert.deepEqual(await bench.ids({ filter: [{ term: { field: 'state', value: 'In Work' } }] }, 'notes'), [
      '1',
    ]);
    assert.deepEqual(
      await bench.ids({ filter: [{ term: { field: 'state', value: 'in work' } }] }, 'notes'),
      [],
    );
    assert.deepEqual(await bench.ids({ sort: 'state' }, 'notes'), ['2', '1']);
  },

  'refuses exact comparison, order and counting of a text field without such a part, naming it': async (
    bench,
  ) => {
    const { es } = bench;
    await bench.products(SHOP);
    const queries: SearchQuery[] = [
      { filter: [{ term: { field: 'title', value: 'one' } }] },
      { sort: 'title' },
      { aggregations: { titles: { terms: { field: 'title' } } } },
    ];
    for (const query of queries)
      await bench.rejects('INVALID_ARGUMENT', es.search('products', query), /'title'/);
  },

  'sorts by several fields, lacking ones last or first': async (bench) => {
    await bench.products(SHOP);
    assert.deepEqual(await bench.ids({ sort: 'price' }), ['c', 'a', 'b', 'd']);
    assert.deepEqual(await bench.ids({ sort: 'price:desc' }), ['b', 'a', 'c', 'd']);
    assert.deepEqual(await bench.ids({ sort: [{ field: 'price', missing: 'first' }] }), ['d', 'c', 'a', 'b']);
    assert.deepEqual(await bench.ids({ sort: [{ field: 'inStock', order: 'desc' }, 'sku:desc'] }), [
      'c',
      'a',
      'b',
      'd',
    ]);
    assert.deepEqual(await bench.ids({ sort: ['soldAt:desc'] }), ['c', 'b', 'a', 'd']);
    assert.deepEqual(await bench.ids({ sort: ['tags', 'sku'] }), ['c', 'a', 'b', 'd']);
    assert.deepEqual(await bench.ids({ sort: ['unheardof', 'sku'] }), ['a', 'b', 'c', 'd']);
  },

  'counts exactly and pages: 20 at a time unless asked otherwise': async (bench) => {
    const { es } = bench;
    const docs = Array.from({ length: 45 }, (_, at) => ({
      sku: `p${String(at).padStart(2, '0')}`,
      title: 'thing',
    }));
    await bench.products(docs);
    const first = await es.search('products', { text: 'thing' });
    assert.deepEqual([first.total, first.hits.length, first.page], [45, 20, { from: 0, size: 20, pages: 3 }]);
    const last = await es.search('products', { sort: 'sku', from: 40, size: 10 });
    assert.deepEqual([last.total, last.page.pages], [45, 5]);
    assert.deepEqual(
      last.hits.map(({ id }) => id),
      ['p40', 'p41', 'p42', 'p43', 'p44'],
    );
    assert.equal((await es.search('products', { size: 0 })).hits.length, 0);
    const seen: string[] = [];
    let after: readonly SortValue[] | undefined;
    do {
      const { hits } = await es.search('products', { sort: ['price', 'sku'], size: 10, after });
      seen.push(...hits.map(({ id }) => id));
      after = hits.at(-1)?.sort;
    } while (after !== undefined);
    assert.deepEqual(
      seen,
      docs.map(({ sku }) => sku),
    );
  },

  'refuses pages beyond 10,000 with a pointer to iterate': async (bench) => {
    const { es } = bench;
    await bench.products(SHOP);
    await bench.rejects(
      'INVALID_ARGUMENT',
      es.search('products', { from: 9_990, size: 20 }),
      /10000.*iterate/,
    );
    await bench.rejects('INVALID_ARGUMENT', es.search('products', { size: 10_001 }), /iterate/);
    assert.equal((await es.search('products', { from: 9_980, size: 20 })).total, 4);
  },

  'gives back the parts of the source that are asked for': async (bench) => {
    await bench.products(SHOP);
    const { hits } = await bench.es.search('products', {
      sort: 'sku:desc',
      size: 1,
      source: ['sku', 'maker.coun*'],
    });
    assert.deepEqual(hits[0]?.source, { sku: 'd', maker: { country: 'it' } });
  },

  'counts by term, range and month, and measures': async (bench) => {
    await bench.products(SHOP);
    const { aggregations = {} } = await bench.es.search('products', {
      size: 0,
      aggregations: {
        tags: { terms: { field: 'tags' } },
        most: { terms: { field: 'tags', size: 1 } },
        stock: { terms: { field: 'inStock' } },
        prices: {
          range: { field: 'price', ranges: [{ to: 10, key: 'cheap' }, { from: 10, to: 20 }, { from: 20 }] },
        },
        price: { stats: { field: 'price' } },
        months: { dateHistogram: { field: 'soldAt', interval: 'month' } },
        local: { dateHistogram: { field: 'soldAt', interval: 'day', timeZone: 'Asia/Shanghai' } },
      },
    });
    assert.deepEqual(aggregations['tags'], {
      buckets: [
        { key: 'red', count: 2 },
        { key: 'blue', count: 1 },
        { key: 'new', count: 1 },
      ],
    });
    assert.deepEqual(aggregations['most'], { buckets: [{ key: 'red', count: 2 }] });
    assert.deepEqual(aggregations['stock'], {
      buckets: [
        { key: 'true', count: 2 },
        { key: 'false', count: 1 },
      ],
    });
    assert.deepEqual(aggregations['prices'], {
      buckets: [
        { key: 'cheap', count: 1, to: 10 },
        { key: '10.0-20.0', count: 1, from: 10, to: 20 },
        { key: '20.0-*', count: 1, from: 20 },
      ],
    });
    assert.deepEqual(aggregations['price'], { count: 3, min: 5, max: 20.5, avg: 35.5 / 3, sum: 35.5 });
    assert.deepEqual(aggregations['months'], {
      buckets: [
        { key: '2024-01-01T00:00:00.000Z', count: 1 },
        { key: '2024-02-01T00:00:00.000Z', count: 1 },
        { key: '2024-03-01T00:00:00.000Z', count: 0 },
        { key: '2024-04-01T00:00:00.000Z', count: 1 },
      ],
    });
    // the last evening of January is the first of February in Shanghai
    const { buckets } = aggregations['local'] as BucketsResult;
    assert.deepEqual(buckets[0], { key: '2024-01-31T16:00:00.000Z', count: 2 });
  },

  'measures nothing where nothing is': async (bench) => {
    await bench.products([]);
    const { aggregations } = await bench.es.search('products', {
      aggregations: { price: { stats: { field: 'price' } } },
    });
    assert.deepEqual(aggregations?.['price'], { count: 0, min: null, max: null, avg: null, sum: 0 });
  },

  'walks through everything that matches as it was at the start': async (bench) => {
    const { es } = bench;
    const docs = Array.from({ length: 25 }, (_, at) => ({
      sku: `p${String(at).padStart(2, '0')}`,
      title: 'thing',
      price: at % 3,
    }));
    await bench.products(docs);
    const seen: string[] = [];
    for await (const { id } of es.iterate('products', { sort: ['price', 'sku'], size: 4 })) {
      seen.push(id);
      if (seen.length === 6) {
        await es.index('products', { sku: 'late', title: 'thing', price: 9 }, { id: 'late', refresh: true });
        await es.delete('products', 'p01', { refresh: true });
      }
    }
    const byPrice = (price: number): string[] =>
      docs.filter((doc) => doc.price === price).map(({ sku }) => sku);
    assert.deepEqual(seen, [...byPrice(0), ...byPrice(1), ...byPrice(2)]);
    const part: string[] = [];
    for await (const { id } of es.iterate('products', { filter: [{ term: { field: 'price', value: 9 } }] }))
      part.push(id);
    assert.deepEqual(part, ['late']);
  },

  'refuses what it does not understand, naming it': async (bench) => {
    const { es } = bench;
    await bench.products(SHOP);
    const bad: readonly (readonly [object, RegExp])[] = [
      [{ match: 'some', text: 'a' }, /match/],
      [{ text: 5 }, /text/],
      [{ text: 'a', fields: [] }, /fields/],
      [{ text: 'a', fields: ['title^x'] }, /fields\[0\]/],
      [{ filter: [{ prefix: {} }] }, /filter\[0\]/],
      [{ filter: [{ any: [{ range: { field: 'price' } }] }] }, /filter\[0\]\.any\[0\]\.range/],
      [{ filter: [{ term: { field: 'price', value: 'cheap' } }] }, /'price'.*"cheap"/],
      [{ filter: [{ range: { field: 'soldAt', gt: 'soon' } }] }, /'soldAt'.*"soon"/],
      [{ filter: [{ term: { field: 'sku', value: null } }] }, /'sku'/],
      [{ sort: 'price:up' }, /sort\[0\].*"up"/],
      [{ size: -1 }, /size/],
      [{ from: 0.5 }, /from/],
      [{ sort: 'sku', after: [] }, /after/],
      [{ aggregations: { x: { median: { field: 'price' } } } }, /aggregations\.x/],
      [
        { aggregations: { x: { dateHistogram: { field: 'soldAt', interval: 'decade' } } } },
        /interval.*"decade"/,
      ],
    ];
    for (const [query, about] of bad)
      await bench.rejects('INVALID_ARGUMENT', es.search('products', query), about);
  },

  'takes raw where it is spoken, and is UNIMPLEMENTED elsewhere': async (bench) => {
    const { es, target } = bench;
    await bench.products(SHOP);
    const raw = { query: { prefix: { sku: 'a' } }, aggs: { top: { max: { field: 'price' } } } };
    if (!target.raw) return bench.rejects('UNIMPLEMENTED', es.search('products', { raw }), /raw/);
    const result = await es.search('products', { raw });
    assert.deepEqual(
      result.hits.map(({ id }) => id),
      ['a'],
    );
    assert.deepEqual(result.aggregations, { top: { value: 10 } });
    assert.deepEqual(await bench.ids({ text: 'two', raw }), []);
  },
};
