import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { createEs, type BucketsResult, type EsProvider } from '@infra-kit/es';
import { dropIndices, sharedElasticsearch, uniquePrefix } from '@infra-kit/testkit';
import { FaultyHttp, type Fault } from './fixtures/faulty-http.js';

interface Item {
  readonly n: number;
  readonly generation: number;
}
const ITEMS = 60;
const PATIENCE_MS = 180_000;
const settings = { number_of_replicas: 0 };
const items = (generation: number): Item[] => Array.from({ length: ITEMS }, (_, n) => ({ n, generation }));
const id = ({ n }: Item): string => `${n}`;
const aggregations = { generations: { terms: { field: 'generation' } } };

let indexPrefix = '';
let proxy: FaultyHttp;
let es: EsProvider;
let client: Client;

beforeAll(async () => {
  client = new Client({ node: sharedElasticsearch().url });
  proxy = await FaultyHttp.start(sharedElasticsearch().url);
});
beforeEach(async () => {
  indexPrefix = uniquePrefix('es-reindex', '-');
  proxy.plan = () => 'pass';
  es = await createEs(
    { node: sharedElasticsearch().url, indexPrefix, requestTimeoutMs: 60_000 },
    { env: 'test' },
  );
  await es.indices.reindexInto('items', { settings }, items(1), { id });
}, PATIENCE_MS);
afterEach(async () => {
  await es.close();
  await dropIndices(sharedElasticsearch(), indexPrefix);
}, PATIENCE_MS);
afterAll(async () => {
  await proxy.close();
  await client.close();
});

/** What one search sees: how many documents of which generations. */
async function seen(): Promise<string> {
  const { total, aggregations: counted } = await es.search('items', { size: 0, aggregations });
  const { buckets } = (counted ?? {})['generations'] as BucketsResult;
  return `${total}: ${buckets.map(({ key, count }) => `${count} of ${key}`).join(', ')}`;
}

/** Searches without a pause while `work` goes on; what it saw, each view once. */
async function watching(work: () => Promise<unknown>): Promise<string[]> {
  const views = new Set<string>();
  let working = true;
  const looking = (async () => {
    while (working) views.add(await seen().catch((error: unknown) => String(error)));
  })();
  await work();
  working = false;
  await looking;
  return [...views];
}

describe('reindexInto under running searches', () => {
  it(
    'shows the old documents or the new ones, never none and never both',
    async () => {
      const views = await watching(async () => {
        for (const generation of [2, 3, 4])
          await es.indices.reindexInto('items', { settings }, items(generation), { id });
      });
      const whole = [1, 2, 3, 4].map((generation) => `${ITEMS}: ${ITEMS} of ${generation}`);
      expect(whole).toEqual(expect.arrayContaining(views));
      expect(views.length).toBeGreaterThan(1);
      expect(await seen()).toBe(`${ITEMS}: ${ITEMS} of 4`);
    },
    PATIENCE_MS,
  );

  it(
    'control: filling an index in place shows both',
    async () => {
      const views = await watching(async () => {
        for (const item of items(2)) await es.index('items', item, { id: id(item), refresh: true });
      });
      expect(views.some((view) => view.includes(' of 1, ') || view.includes(' of 2, '))).toBe(true);
    },
    PATIENCE_MS,
  );
});

const STEPS: readonly (readonly [string, (path: string, method: string) => boolean, Fault, 1 | 2])[] = [
  [
    'before the new index is made',
    (path, method) => method === 'PUT' && path.includes('items-000002'),
    'stall',
    1,
  ],
  [
    'after the new index is made',
    (path, method) => method === 'PUT' && path.includes('items-000002'),
    'late',
    1,
  ],
  ['while it fills', (path) => path.includes('_bulk'), 'late', 1],
  ['before the refresh', (path) => path.includes('_refresh'), 'stall', 1],
  ['before the counts are compared', (path) => path.includes('_count'), 'stall', 1],
  ['before the swap', (path) => path.includes('_aliases'), 'stall', 1],
  ['after the swap', (path) => path.includes('_aliases'), 'late', 2],
];

async function unfinished(): Promise<string[]> {
  const all = await client.indices.get({ index: `${indexPrefix}*`, expand_wildcards: 'all' });
  return Object.entries(all).flatMap(([name, { aliases }]) =>
    Object.keys(aliases ?? {}).some((alias) => alias.includes('.filling-')) ? [name] : [],
  );
}

describe('a reindexInto whose process is killed', () => {
  it.each(STEPS)(
    '%s leaves readers a whole index, and the next run cleans up',
    async (_, isStep, fault, generation) => {
      const reached = Promise.withResolvers<void>();
      proxy.plan = (path, method) => {
        if (!isStep(path, method)) return 'pass';
        setImmediate(reached.resolve);
        return fault;
      };
      const args = [
        join(import.meta.dirname, 'fixtures/reindex.mjs'),
        proxy.url,
        indexPrefix,
        '2',
        `${ITEMS}`,
      ];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
      await reached.promise;
      await proxy.quiet();
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await seen()).toBe(`${ITEMS}: ${ITEMS} of ${generation}`);
      // the control: without the next run, what was begun stays
      const began = fault !== 'stall' || !isStep('items-000002', 'PUT');
      expect(await unfinished()).toHaveLength(began && generation === 1 ? 1 : 0);

      await es.indices.reindexInto('items', { settings }, items(3), { id });
      expect(await seen()).toBe(`${ITEMS}: ${ITEMS} of 3`);
      expect(await unfinished()).toEqual([]);
      expect(await es.indices.list()).toHaveLength(generation + 1);
    },
    PATIENCE_MS,
  );
});

describe('reindexInto', () => {
  it(
    'is DATA_LOSS, with the alias as it was, when the new index does not hold what was given',
    async () => {
      const through = await createEs(
        { node: proxy.url, indexPrefix, requestTimeoutMs: 60_000 },
        { env: 'test' },
      );
      proxy.plan = (path) => (path.includes('_bulk') ? 'swallow' : 'pass');
      await expect(
        through.indices.reindexInto('items', { settings }, items(2), { id }),
      ).rejects.toMatchObject({
        code: 'DATA_LOSS',
      });
      expect(await seen()).toBe(`${ITEMS}: ${ITEMS} of 1`);
      expect(await unfinished()).toEqual([]);
      await through.close();
    },
    PATIENCE_MS,
  );

  it(
    'succeeds when the answer to the swap is lost',
    async () => {
      const through = await createEs(
        { node: proxy.url, indexPrefix, requestTimeoutMs: 60_000 },
        { env: 'test' },
      );
      proxy.plan = (path) => (path.includes('_aliases') ? 'lost' : 'pass');
      expect(await through.indices.reindexInto('items', { settings }, items(2), { id })).toBe('items-000002');
      expect(await seen()).toBe(`${ITEMS}: ${ITEMS} of 2`);
      await through.close();
    },
    PATIENCE_MS,
  );

  it(
    "'server' copies inside the cluster where the distribution can, and is UNIMPLEMENTED elsewhere",
    async () => {
      const full = await client.transport
        .request({ method: 'POST', path: '/_reindex', body: {} })
        .catch((error: { statusCode?: number }) => error.statusCode !== 405);
      const copying = es.indices.reindexInto('items', { settings }, 'server');
      if (full === false) await expect(copying).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
      else expect(await copying).toBe('items-000002');
      expect(await seen()).toBe(`${ITEMS}: ${ITEMS} of 1`);
      expect(await unfinished()).toEqual([]);
    },
    PATIENCE_MS,
  );
});
