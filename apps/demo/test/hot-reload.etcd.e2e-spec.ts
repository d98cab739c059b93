import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { sharedEtcd, uniqueName } from '@infra-kit/testkit';
import { levelOf, overview, push } from './admin-calls.js';
import { startDemo, type RunningDemo } from './running-demo.js';

const within = { withinMs: 20_000 };
const trace = (digit: string): string => digit.repeat(32);

describe('two instances of the demo on one etcd', () => {
  let demos: RunningDemo[] = [];
  beforeAll(async () => {
    const settings = {
      ETCD_ENDPOINTS: sharedEtcd().endpoints.join(),
      INFRA_SERVICE: uniqueName('flash-sale'),
    };
    demos = await Promise.all([startDemo(settings), startDemo(settings)]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all(demos.map((demo) => demo.stop()));
  });

  const one = (): RunningDemo => demos[0] as RunningDemo;
  const all = <T>(look: (demo: RunningDemo) => Promise<T>): Promise<T[]> => Promise.all(demos.map(look));
  const ask = async (path: string, traceId: string): Promise<void> => {
    await all((demo) => fetch(`${demo.url}${path}`, { headers: { 'x-trace-id': traceId } }));
  };
  const lines = (demo: RunningDemo, traceId: string): unknown[] =>
    demo.lines().filter((line) => line['trace_id'] === traceId);

  it('have different instance ids', async () => {
    const pages = await all(async (demo) => (await fetch(`${demo.url}/health`)).json());
    const ids = (pages as { details: { uid: { instanceId: number } } }[]).map(
      ({ details }) => details.uid.instanceId,
    );
    expect(new Set(ids).size).toBe(2);
  });

  it('both take a log level from one PUT', async () => {
    await push(one(), 'clog', { level: 'error' });
    await eventually(async () => expect(await all(levelOf)).toEqual(['error', 'error']), within);
    await ask('/products', trace('a'));
    await push(one(), 'clog', { level: 'info' });
    await eventually(async () => expect(await all(levelOf)).toEqual(['info', 'info']), within);
    await ask('/products', trace('b'));
    await eventually(() => {
      for (const demo of demos) expect(lines(demo, trace('b'))).not.toEqual([]);
    }, within);
    for (const demo of demos) expect(lines(demo, trace('a'))).toEqual([]);
  });

  it('both take a cache ttl from one PUT: what was cached for a minute is read anew', async () => {
    await push(one(), 'products', { productTtlMs: '50ms' });
    await eventually(
      async () =>
        expect((await all(overview)).map(({ products }) => products.productTtlMs)).toEqual([50, 50]),
      within,
    );
    await ask('/products/p-104', trace('c'));
    await eventually(async () => {
      await ask('/products/p-104', trace('d'));
      for (const demo of demos)
        expect(demo.lines().filter(({ what }) => what === 'p-104').length).toBeGreaterThan(1);
    }, within);
  });

  it('both refuse a bad document, and either says so', async () => {
    await push(one(), 'cache', { defaultTtlMs: -1 });
    await eventually(async () => {
      for (const { outcomes } of await all(overview)) {
        const refused = Object.entries(outcomes).filter(
          ([key, { status }]) => key.startsWith('cache/') && status === 'refused',
        );
        expect(refused).toHaveLength(2);
      }
    }, within);
  });
});
