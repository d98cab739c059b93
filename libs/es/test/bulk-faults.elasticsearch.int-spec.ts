import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from '@elastic/elasticsearch';
import { createEs, type BulkFailure, type EsProvider } from '@infra-kit/es';
import { seededRandom } from '@infra-kit/kernel/testing';
import { dropIndices, sharedElasticsearch, uniquePrefix } from '@infra-kit/testkit';
import { FaultyHttp, type Fault } from './fixtures/faulty-http.js';

interface Item {
  readonly n: number;
}
const ITEMS = 400;
const items = (): Item[] => Array.from({ length: ITEMS }, (_, n) => ({ n }));
const PATIENCE_MS = 120_000;

describe('writing through a proxy that answers 429 and 503, resets and stalls', () => {
  const indexPrefix = uniquePrefix('es-bulk', '-');
  let proxy: FaultyHttp;
  let direct: EsProvider;
  let client: Client;
  const opened: EsProvider[] = [];
  let index = '';
  let number = 0;

  beforeAll(async () => {
    proxy = await FaultyHttp.start(sharedElasticsearch().url);
    client = new Client({ node: sharedElasticsearch().url });
    direct = await createEs(
      { node: sharedElasticsearch().url, indexPrefix, requestTimeoutMs: 60_000 },
      { env: 'test' },
    );
  });
  beforeEach(async () => {
    proxy.plan = () => 'pass';
    proxy.counts = {};
    index = `items${number++}`;
    const mappings = { properties: { n: { type: 'integer' } } };
    await direct.indices.create(index, { mappings, settings: { number_of_replicas: 0 } });
  }, PATIENCE_MS);
  afterAll(async () => {
    for (const es of opened) await es.close();
    await direct.close();
    await client.close();
    await proxy.close();
    await dropIndices(sharedElasticsearch(), indexPrefix);
  }, PATIENCE_MS);

  async function through(requestTimeoutMs: number, retries: number): Promise<EsProvider> {
    const bulk = { flushBytes: 1024, flushIntervalMs: 20, retries, concurrency: 4 };
    const es = await createEs({ node: proxy.url, indexPrefix, requestTimeoutMs, bulk }, { env: 'test' });
    opened.push(es);
    return es;
  }

  /** What is there: each `n` as often as it is. */
  async function stored(): Promise<number[]> {
    await direct.indices.refresh(index);
    const found: number[] = [];
    for await (const { source } of direct.iterate<Item>(index, {})) found.push(source.n);
    return found.sort((a, b) => a - b);
  }

  it(
    'indexed + failed = given, what is indexed is there once, and what failed is known by its document',
    async () => {
      const next = seededFaults();
      const es = await through(1000, 5);
      proxy.plan = (path) => (path.includes('_bulk') ? next() : 'pass');
      const told: BulkFailure<Item>[] = [];
      const report = await es.bulkIndex(index, items(), { onFailure: (failure) => void told.push(failure) });
      const there = await stored();
      expect(report.indexed + report.failed.length).toBe(ITEMS);
      expect(told).toEqual(report.failed);
      expect(report.retried).toBeGreaterThan(0);
      expect(new Set(there).size).toBe(there.length);
      const failed = new Set(report.failed.map(({ doc }) => doc.n));
      const indexed = items().filter(({ n }) => !failed.has(n));
      expect(indexed.every(({ n }) => there.includes(n))).toBe(true);
      const refused = report.failed.filter(({ reason }) => reason !== 'unknown outcome');
      expect(refused.some(({ doc }) => there.includes(doc.n))).toBe(false);
    },
    PATIENCE_MS,
  );

  it(
    'control: without ids that are set before the first try, the same faults make duplicates',
    async () => {
      proxy.plan = (path) => (path.includes('_bulk') && (proxy.counts.lost ?? 0) < 3 ? 'lost' : 'pass');
      const own = new Client({ node: proxy.url, maxRetries: 5 });
      await own.helpers.bulk({
        datasource: items(),
        flushBytes: 100_000,
        onDocument: () => ({ index: { _index: indexPrefix + index } }),
      });
      await own.close();
      const there = await stored();
      expect(new Set(there).size).toBeLessThan(there.length);
    },
    PATIENCE_MS,
  );

  it(
    'a document whose last try had no answer is looked up, and counted by what is found',
    async () => {
      const es = await through(10_000, 1);
      proxy.plan = (path) => (path.includes('_bulk') ? 'lost' : 'pass');
      const there = await es.bulkIndex(index, items());
      expect([there.indexed, there.failed]).toEqual([ITEMS, []]);
      proxy.plan = (path) => (path.includes('_bulk') ? 'reset' : 'pass');
      const lost = await es.bulkIndex(index, [{ n: -1 }, { n: -2 }]);
      expect(lost.failed).toEqual([
        { doc: { n: -1 }, reason: 'unknown outcome', status: 0 },
        { doc: { n: -2 }, reason: 'unknown outcome', status: 0 },
      ]);
      expect(await stored()).toEqual(items().map(({ n }) => n));
    },
    PATIENCE_MS,
  );

  it(
    'a document of a known id is taken for indexed only when what is found is what was sent',
    async () => {
      await direct.index(index, { n: 1 }, { id: 'a' });
      const es = await through(10_000, 0);
      proxy.plan = (path) => (path.includes('_bulk') ? 'reset' : 'pass');
      const report = await es.bulkIndex(index, [{ n: 2 }], { id: () => 'a' });
      expect(report.failed).toEqual([{ doc: { n: 2 }, reason: 'unknown outcome', status: 0 }]);
      proxy.plan = (path) => (path.includes('_bulk') ? 'lost' : 'pass');
      expect((await es.bulkIndex(index, [{ n: 3 }], { id: () => 'a' })).indexed).toBe(1);
    },
    PATIENCE_MS,
  );

  it(
    'what nobody can tell is failed with an unknown outcome, and a cluster that stays busy is told as it said',
    async () => {
      const es = await through(300, 1);
      proxy.plan = () => 'stall';
      const unknown = await es.bulkIndex(index, [{ n: 1 }]);
      expect(unknown.failed).toEqual([{ doc: { n: 1 }, reason: 'unknown outcome', status: 0 }]);
      proxy.plan = () => '429';
      const busy = await es.bulkIndex(index, [{ n: 1 }]);
      expect(busy.failed).toMatchObject([
        { status: 429, reason: expect.stringContaining('the proxy says so') },
      ]);
      expect(await stored()).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'add waits while maxQueuedBytes are queued, and goes on when there is room',
    async () => {
      const bulk = { flushBytes: 1024, maxQueuedBytes: 4096, concurrency: 1, flushIntervalMs: 20 };
      const es = await createEs({ node: proxy.url, indexPrefix, bulk }, { env: 'test' });
      opened.push(es);
      let held = true;
      proxy.plan = () => (held ? '503' : 'pass');
      const writer = es.writer<Item>(index);
      let added = 0;
      const adding = (async () => {
        for (const item of items()) {
          await writer.add(item);
          added++;
        }
      })();
      while ((proxy.counts['503'] ?? 0) < 2) await new Promise(setImmediate);
      expect(added).toBeLessThan(ITEMS / 2);
      held = false;
      await adding;
      expect(await writer.close()).toMatchObject({ indexed: ITEMS, failed: [] });
    },
    PATIENCE_MS,
  );

  it(
    'a cancelled run accounts for every document that it took, and rejects at once',
    async () => {
      const es = await through(60_000, 5);
      proxy.plan = (path) => (path.includes('_bulk') ? 'stall' : 'pass');
      const told: BulkFailure<Item>[] = [];
      const stop = new AbortController();
      let taken = 0;
      const docs = (function* () {
        for (const item of items()) {
          taken++;
          if (taken === ITEMS) setImmediate(() => stop.abort());
          yield item;
        }
      })();
      const running = es.bulkIndex(index, docs, {
        signal: stop.signal,
        onFailure: (failure) => void told.push(failure),
      });
      await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(told.map(({ doc }) => doc.n).sort((a, b) => a - b)).toEqual(
        items()
          .slice(0, taken)
          .map(({ n }) => n),
      );
    },
    PATIENCE_MS,
  );
});

function seededFaults(): () => Fault {
  const random = seededRandom();
  const faults: readonly Fault[] = [
    'pass',
    '429',
    '503',
    'reset',
    'stall',
    'lost',
    'late',
    'half',
    'half',
    'pass',
  ];
  return () => random.pick(faults);
}
