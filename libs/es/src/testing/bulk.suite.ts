import assert from 'node:assert/strict';
import type { BulkFailure } from '../es.types.js';
import type { SuiteTest } from './suite-target.js';

interface Item {
  readonly sku: string;
  readonly price: unknown;
}

async function* slowly<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) {
    await Promise.resolve();
    yield item;
  }
}

export const bulkTests: Readonly<Record<string, SuiteTest>> = {
  'writes all documents and accounts for each: indexed and failed, with the reason and the document': async (
    bench,
  ) => {
    const { es } = bench;
    await bench.products([]);
    const docs: Item[] = Array.from({ length: 200 }, (_, at) => ({
      sku: `${at}`,
      price: at % 50 === 7 ? 'cheap' : at,
    }));
    const told: BulkFailure<Item>[] = [];
    const report = await es.bulkIndex('products', docs, {
      id: ({ sku }) => sku,
      onFailure: (failure) => void told.push(failure),
    });
    assert.deepEqual([report.indexed, report.failed.length, report.retried], [196, 4, 0]);
    assert.deepEqual(report.failed.map(({ doc }) => doc.sku).sort(), ['107', '157', '57', '7']);
    assert.ok(
      report.failed.every(
        ({ reason, status, doc }) => /price/.test(reason) && status === 400 && docs.includes(doc),
      ),
    );
    assert.deepEqual(told, report.failed);
    assert.ok(report.bytes > 1000 && report.durationMs >= 0);
    await es.indices.refresh('products');
    assert.equal((await es.search('products', {})).total, 196);
  },

  'takes any iterable, and gives each document a UUIDv7': async ({ es }) => {
    const report = await es.bulkIndex('notes', slowly([{ n: 1 }, { n: 2 }]));
    assert.equal(report.indexed, 2);
    await es.indices.refresh('notes');
    const { hits } = await es.search('notes', { sort: 'n' });
    assert.ok(hits.every(({ id }) => id[14] === '7'));
  },

  'counts a document that is none as failed, and goes on': async ({ es }) => {
    const report = await es.bulkIndex('notes', [{ n: 1 }, null as unknown as object, { n: 2 }]);
    assert.deepEqual(
      [report.indexed, report.failed.map(({ doc, status }) => [doc, status])],
      [2, [[null, 400]]],
    );
  },

  "rejects with the documents' own error, after what came before it is written": async ({ es }) => {
    const own = new Error('the source broke');
    const docs = (function* () {
      yield { n: 1 };
      throw own;
    })();
    await assert.rejects(es.bulkIndex('notes', docs, { id: () => '1' }), (error) => error === own);
    assert.equal(await es.exists('notes', '1'), true);
  },

  'writes what is added by and by: flush waits for it, close reports it': async ({ es }) => {
    const writer = es.writer<{ n: number }>('notes', { id: ({ n }) => `${n}` });
    await writer.add({ n: 1 });
    await writer.add({ n: 2 });
    await writer.flush();
    assert.equal(await es.exists('notes', '2'), true);
    await writer.add({ n: 3 });
    const report = await writer.close();
    assert.deepEqual([report.indexed, report.failed], [3, []]);
    assert.equal(await writer.close(), report);
    await assert.rejects(writer.add({ n: 4 }), { code: 'FAILED_PRECONDITION' });
  },

  'close accounts for every document that was added before it, those that wait for one with their id too':
    async ({ es }) => {
      const writer = es.writer<{ n: number }>('notes', { id: () => 'one' });
      const added = Array.from({ length: 9 }, (_, n) => writer.add({ n }));
      const report = await writer.close();
      await Promise.all(added);
      assert.deepEqual([report.indexed, report.failed], [9, []]);
      assert.equal((await es.get<{ n: number }>('notes', 'one'))?.source.n, 8);
    },

  'the later of two documents with one id wins': async ({ es }) => {
    const docs = Array.from({ length: 20 }, (_, at) => ({ id: `${at % 2}`, n: at }));
    const report = await es.bulkIndex('notes', docs, { id: ({ id }) => id });
    assert.equal(report.indexed, 20);
    const [even, odd] = await Promise.all(['0', '1'].map((id) => es.get<{ n: number }>('notes', id)));
    assert.deepEqual([even?.source.n, odd?.source.n], [18, 19]);
  },
};
