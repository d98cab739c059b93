import assert from 'node:assert/strict';
import type { SuiteTest } from './suite-target.js';

const NOTHING_DONE = /index|id|doc/;

export const documentTests: Readonly<Record<string, SuiteTest>> = {
  'stores a document under an id of its own making, a UUIDv7, and gives it back': async ({ es }) => {
    const stored = await es.index('notes', { text: 'first' });
    assert.match(stored.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(stored.created, true);
    const hit = await es.get<{ text: string }>('notes', stored.id);
    assert.deepEqual(hit?.source, { text: 'first' });
    assert.deepEqual([hit?.id, hit?.index, hit?.seqNo], [stored.id, 'notes', stored.seqNo]);
  },

  'stores a document under the id it is given, and a second one in its place': async ({ es }) => {
    const first = await es.index('notes', { text: 'first' }, { id: 'a/b c' });
    const second = await es.index('notes', { text: 'second' }, { id: 'a/b c' });
    assert.deepEqual([first.created, second.created, second.version], [true, false, first.version + 1]);
    assert.deepEqual((await es.get('notes', 'a/b c'))?.source, { text: 'second' });
  },

  'says of a document whether it is there': async ({ es }) => {
    await es.index('notes', { text: 'first' }, { id: '1' });
    assert.equal(await es.exists('notes', '1'), true);
    assert.equal(await es.exists('notes', '2'), false);
    assert.equal(await es.get('notes', '2'), undefined);
  },

  'merges a partial document, and needs one to merge into or an upsert': async (bench) => {
    const { es } = bench;
    await es.index('notes', { text: 'first', by: { name: 'ann', age: 3 } }, { id: '1' });
    await es.update<object>('notes', '1', { by: { age: 4 } });
    assert.deepEqual((await es.get('notes', '1'))?.source, { text: 'first', by: { name: 'ann', age: 4 } });
    await bench.rejects('NOT_FOUND', es.update<object>('notes', '2', { text: 'x' }));
    const made = await es.update<object>(
      'notes',
      '2',
      { text: 'x' },
      { upsert: { text: 'new' }, retryOnConflict: 2 },
    );
    assert.equal(made.created, true);
    assert.deepEqual((await es.get('notes', '2'))?.source, { text: 'new' });
  },

  'deletes a document, and says when there was none': async ({ es }) => {
    await es.index('notes', { text: 'first' }, { id: '1' });
    assert.equal(await es.delete('notes', '1'), true);
    assert.equal(await es.delete('notes', '1'), false);
    assert.equal(await es.exists('notes', '1'), false);
  },

  'is ABORTED when the document has changed since it was read': async (bench) => {
    const { es } = bench;
    const { seqNo, primaryTerm } = await es.index('notes', { n: 1 }, { id: '1' });
    const asRead = { ifSeqNo: seqNo, ifPrimaryTerm: primaryTerm };
    await es.index('notes', { n: 2 }, { id: '1', ...asRead });
    await bench.rejects('ABORTED', es.index('notes', { n: 3 }, { id: '1', ...asRead }));
    await bench.rejects('ABORTED', es.delete('notes', '1', asRead));
    assert.deepEqual((await es.get('notes', '1'))?.source, { n: 2 });
  },

  'is ABORTED for a version of the caller that is not higher than the stored one': async (bench) => {
    const { es } = bench;
    assert.equal((await es.index('notes', { n: 1 }, { id: '1', version: 7 })).version, 7);
    await bench.rejects('ABORTED', es.index('notes', { n: 2 }, { id: '1', version: 7 }));
    await es.index('notes', { n: 3 }, { id: '1', version: 8 });
    assert.deepEqual((await es.get('notes', '1'))?.source, { n: 3 });
  },

  'a missing index is NOT_FOUND for everything but writing': async (bench) => {
    const { es } = bench;
    await bench.rejects('NOT_FOUND', es.get('nowhere', '1'), /nowhere/);
    await bench.rejects('NOT_FOUND', es.exists('nowhere', '1'));
    await bench.rejects('NOT_FOUND', es.search('nowhere', {}));
    await bench.rejects('NOT_FOUND', es.search('nowhere', { text: 'a' }));
    await bench.rejects('NOT_FOUND', es.indices.refresh('nowhere'));
    await bench.rejects('NOT_FOUND', es.indices.delete('nowhere'));
    await bench.rejects('NOT_FOUND', es.iterate('nowhere', {})[Symbol.asyncIterator]().next());
  },

  'a document that does not fit the mapping is INVALID_ARGUMENT, and the error names the field': async (
    bench,
  ) => {
    const { es } = bench;
    await bench.products([]);
    await bench.rejects('INVALID_ARGUMENT', es.index('products', { price: 'cheap' }), /price/);
    await bench.rejects('INVALID_ARGUMENT', es.index('products', { maker: 'acme' }), /maker/);
    await bench.rejects('INVALID_ARGUMENT', es.index('products', { soldAt: 'yesterday' }), /soldAt/);
  },

  'a bad argument is INVALID_ARGUMENT, named and quoted, and nothing has happened': async (bench) => {
    const { es } = bench;
    for (const name of ['', 'Upper', 'a*', 'a,b', 'a b', 'a/b', '_all'])
      await bench.rejects('INVALID_ARGUMENT', es.index(name === '_all' ? '#_all' : name, {}), /index/);
    await bench.rejects('INVALID_ARGUMENT', es.index('notes', {}, { id: '' }), NOTHING_DONE);
    await bench.rejects('INVALID_ARGUMENT', es.index('notes', {}, { id: 'x'.repeat(513) }), NOTHING_DONE);
    await bench.rejects('INVALID_ARGUMENT', es.index('notes', [] as unknown as object), /doc/);
    await bench.rejects('INVALID_ARGUMENT', es.index('notes', {}, { id: '1', ifSeqNo: 1 }), /ifPrimaryTerm/);
    assert.deepEqual(await es.indices.list(), []);
  },
};
