import assert from 'node:assert/strict';
import type { Scope } from '../es.types.js';
import type { Bench, SuiteTest } from './suite-target.js';

async function messages({ es }: Bench): Promise<void> {
  const properties = { tenant: { type: 'keyword' }, text: { type: 'text' } };
  await es.indices.ensure({
    index: 'messages',
    mappings: { properties },
    settings: { number_of_replicas: 0 },
  });
  const docs = ['a', 'b', 'a', 'A', 'a b'].map((tenant, at) => ({ tenant, text: `hello ${at}` }));
  await es.bulkIndex('messages', docs);
  await es.indices.refresh('messages');
}

export const scopeTests: Readonly<Record<string, SuiteTest>> = {
  'searches within one tenant, by its exact value': async (bench) => {
    await messages(bench);
    const { es } = bench;
    const within = async (value: string) =>
      (await es.searchIn('messages', { field: 'tenant', value }, { text: 'hello' })).total;
    assert.deepEqual(
      [await within('a'), await within('b'), await within('A'), await within('a b'), await within('c')],
      [2, 1, 1, 1, 0],
    );
    const not = [{ not: { term: { field: 'tenant', value: 'a' } } }];
    assert.equal((await es.searchIn('messages', { field: 'tenant', value: 'a' }, { filter: not })).total, 0);
  },

  'refuses an empty scope, a text field, and raw: nothing of another tenant may be found': async (bench) => {
    await messages(bench);
    const { es } = bench;
    const bad: unknown[] = [
      undefined,
      { field: 'tenant' },
      { field: 'tenant', value: '' },
      { field: 'tenant', value: null },
      { field: '', value: 'a' },
      { field: 'tenant', value: {} },
    ];
    for (const scope of bad) {
      await bench.rejects('INVALID_ARGUMENT', es.searchIn('messages', scope as Scope, {}), /scope/);
      await bench.rejects('INVALID_ARGUMENT', es.deleteIn('messages', scope as Scope), /scope/);
    }
    const scope = { field: 'tenant', value: 'a' };
    await bench.rejects(
      'INVALID_ARGUMENT',
      es.searchIn('messages', { field: 'text', value: 'hello' }, {}),
      /'text'/,
    );
    await bench.rejects(
      'INVALID_ARGUMENT',
      es.searchIn('messages', scope, { raw: { query: { match_all: {} } } }),
      /raw/,
    );
  },

  'deletes what one tenant has, what is not yet searchable too, and says how much': async (bench) => {
    await messages(bench);
    const { es } = bench;
    await es.index('messages', { tenant: 'a', text: 'not refreshed' });
    assert.equal(await es.deleteIn('messages', { field: 'tenant', value: 'a' }), 3);
    assert.equal(await es.deleteIn('messages', { field: 'tenant', value: 'a' }), 0);
    assert.equal((await es.search('messages', {})).total, 3);
  },

  'searches every index of the service, of versioned ones the one in use': async (bench) => {
    const { es } = bench;
    await es.index('notes', { title: 'blue note' }, { refresh: true });
    await bench.products([{ sku: 'a', title: 'blue shoe' }]);
    const properties = { sku: { type: 'keyword' }, title: { type: 'text' } };
    const settings = { number_of_replicas: 0 };
    await es.indices.reindexInto('products', { mappings: { properties }, settings }, [
      { sku: 'b', title: 'blue hat' },
    ]);
    const found = await es.searchAll<{ title: string }>({ text: 'blue' });
    assert.deepEqual(found.hits.map(({ source }) => source.title).sort(), ['blue hat', 'blue note']);
    assert.equal(found.total, 2);
  },
};
