import assert from 'node:assert/strict';
import type { Hit } from '../es.types.js';
import { PRODUCTS, type SuiteTest } from './suite-target.js';

const settings = { number_of_replicas: 0 };
const mappings = { properties: PRODUCTS };

export const indicesTests: Readonly<Record<string, SuiteTest>> = {
  'makes, lists, finds and deletes indices': async (bench) => {
    const { indices } = bench.es;
    await indices.create('plain', { settings, aliases: { other: {} } });
    await bench.rejects('ALREADY_EXISTS', indices.create('plain'), /plain/);
    assert.deepEqual(await indices.list(), ['plain']);
    assert.deepEqual(
      [await indices.exists('plain'), await indices.exists('other'), await indices.exists('none')],
      [true, true, false],
    );
    await indices.delete('plain');
    assert.deepEqual(await indices.list(), []);
  },

  'ensures an index: makes it once, behind an alias, and adds fields that it lacks': async (bench) => {
    const { es } = bench;
    await Promise.all([1, 2, 3].map(() => es.indices.ensure({ index: 'products', mappings, settings })));
    assert.deepEqual(await es.indices.list(), ['products-000001']);
    const more = {
      properties: {
        ...PRODUCTS,
        colour: { type: 'keyword' },
        maker: { properties: { town: { type: 'keyword' } } },
      },
    };
    await es.indices.ensure({ index: 'products', mappings: more, settings });
    await es.index('products', { colour: 'Dark Red', maker: { town: 'Rome' } }, { id: '1', refresh: true });
    assert.deepEqual(await bench.ids({ filter: [{ term: { field: 'colour', value: 'Dark Red' } }] }), ['1']);
    assert.deepEqual(await bench.ids({ filter: [{ term: { field: 'maker.town', value: 'Rome' } }] }), ['1']);
  },

  'ensure fails for a mapping that does not fit, naming each field': async (bench) => {
    const { es } = bench;
    await es.indices.ensure({ index: 'products', mappings, settings });
    const other = {
      properties: {
        price: { type: 'keyword' },
        maker: { properties: { country: { type: 'text' } } },
        title: { type: 'text', analyzer: 'simple' },
      },
    };
    const ensuring = es.indices.ensure({ index: 'products', mappings: other, settings });
    await bench.rejects(
      'FAILED_PRECONDITION',
      ensuring,
      /'price' is double, wanted is keyword.*'maker\.country' is keyword, wanted is text.*'title'.*standard.*simple.*reindexInto/,
    );
  },

  'reindexes behind the alias: fills a new version, swaps, keeps the old one until told': async (bench) => {
    const { es } = bench;
    await bench.products([{ sku: 'a', title: 'old' }]);
    const next = await es.indices.reindexInto(
      'products',
      { index: 'products', mappings, settings },
      [
        { sku: 'b', title: 'new' },
        { sku: 'c', title: 'new' },
      ],
      { id: ({ sku }) => sku },
    );
    assert.equal(next, 'products-000002');
    assert.deepEqual(await bench.ids({ sort: 'sku' }), ['b', 'c']);
    assert.deepEqual(await es.indices.list(), ['products-000001', 'products-000002']);
    assert.deepEqual(await es.indices.list('products'), ['products-000002']);
    assert.deepEqual(await bench.ids({}, 'products-000001'), ['a']);
    await es.indices.delete('products-000001');
    assert.deepEqual(await bench.ids({ sort: 'sku' }), ['b', 'c']);
  },

  'reindexes what is behind the alias now, ids kept, into another mapping': async (bench) => {
    const { es } = bench;
    const docs = Array.from({ length: 30 }, (_, at) => ({ sku: `p${at}`, title: 'A Thing' }));
    await bench.products(docs);
    const changed = { properties: { ...PRODUCTS, title: { type: 'keyword' } } };
    await bench.rejects(
      'FAILED_PRECONDITION',
      es.indices.ensure({ index: 'products', mappings: changed, settings }),
    );
    await es.indices.reindexInto('products', { mappings: changed, settings });
    assert.equal(
      (await es.search('products', { filter: [{ term: { field: 'title', value: 'A Thing' } }] })).total,
      30,
    );
    assert.equal(await es.exists('products', 'p7'), true);
    await es.indices.ensure({ index: 'products', mappings: changed, settings });
  },

  'keeps the routing of documents when it copies them, and deletes them by it': async (bench) => {
    const { es } = bench;
    const shards = { settings: { ...settings, number_of_shards: 3 } };
    const tenants = { properties: { tenant: { type: 'keyword' } } };
    await es.indices.ensure({ index: 'routed', mappings: tenants, ...shards });
    for (const routing of ['a', 'b', 'c', 'd'])
      await es.index('routed', { tenant: 't' }, { id: `of-${routing}`, routing, refresh: true });
    await es.indices.reindexInto('routed', { mappings: tenants, ...shards });
    for (const routing of ['a', 'b', 'c', 'd'])
      assert.equal((await es.get('routed', `of-${routing}`, { routing }))?.routing, routing);
    assert.equal(await es.deleteIn('routed', { field: 'tenant', value: 't' }), 4);
    assert.equal((await es.search('routed', {})).total, 0);
  },

  'makes the alias where there is none, and takes hits of iterate': async (bench) => {
    const { es } = bench;
    await bench.products([
      { sku: 'a', title: 'one' },
      { sku: 'b', title: 'two' },
    ]);
    const changed = async function* (): AsyncGenerator<Hit<{ title: string }>> {
      for await (const hit of es.iterate<{ title: string }>('products', {}))
        yield { ...hit, source: { ...hit.source, title: `${hit.source.title}!` } };
    };
    await es.indices.reindexInto('copies', { mappings, settings }, changed());
    assert.deepEqual((await es.get<{ title: string }>('copies', 'a'))?.source.title, 'one!');
  },

  'leaves the alias as it was and nothing behind when a document fails': async (bench) => {
    const { es } = bench;
    await bench.products([{ sku: 'a', title: 'old' }]);
    const bad = es.indices.reindexInto('products', { mappings, settings }, [
      { price: 1 },
      { price: 'cheap' },
    ]);
    await bench.rejects('INVALID_ARGUMENT', bad, /price/);
    assert.deepEqual(await bench.ids({}), ['a']);
    assert.deepEqual(await es.indices.list(), ['products-000001']);
  },

  "leaves the alias as it was and nothing behind when the source breaks, and rejects with the source's error":
    async (bench) => {
      const { es } = bench;
      await bench.products([{ sku: 'a', title: 'old' }]);
      const own = new Error('the source broke');
      const source = (function* () {
        yield { sku: 'b' };
        throw own;
      })();
      await assert.rejects(
        es.indices.reindexInto('products', { mappings, settings }, source),
        (error) => error === own,
      );
      assert.deepEqual(await bench.ids({}), ['a']);
      assert.deepEqual(await es.indices.list(), ['products-000001']);
    },

  'refuses an alias whose name an index has': async (bench) => {
    const { es } = bench;
    await es.indices.create('plain', { settings });
    await bench.rejects(
      'FAILED_PRECONDITION',
      es.indices.reindexInto('plain', { settings }, []),
      /'plain' is an index/,
    );
  },

  'of two runs the one that began last wins, and the other is ABORTED': async (bench) => {
    const { es } = bench;
    await bench.products([{ sku: 'a', title: 'old' }]);
    const second: Promise<string>[] = [];
    const overtaken = async function* (): AsyncGenerator<{ sku: string }> {
      yield { sku: 'first' };
      second.push(
        es.indices.reindexInto('products', { mappings, settings }, [{ sku: 'second' }], {
          id: ({ sku }) => sku,
        }),
      );
      await second[0];
      yield { sku: 'first, too' };
    };
    await bench.rejects('ABORTED', es.indices.reindexInto('products', { mappings, settings }, overtaken()));
    assert.deepEqual(await bench.ids({}), ['second']);
    assert.equal((await es.indices.list()).length, 2);
  },
};
