import assert from 'node:assert/strict';
import { eventually } from '@infra-kit/kernel/testing';
import type { CacheProvider } from '../cache.provider.js';
import { ANY_TIME, isCode, type SuiteTest } from './suite-target.js';

const SHORT_MS = 80;
const LATER_MS = 60_000;
const STALE = { ttlMs: SHORT_MS, staleMs: LATER_MS, beta: 0 };

/** A source whose first load answers at once, and whose second waits for the test; later ones wait for good. */
class Source {
  loads = 0;
  readonly #second = Promise.withResolvers<void>();

  readonly load = async (): Promise<number> => {
    const mine = ++this.loads;
    if (mine === 2) await this.#second.promise;
    if (mine > 2) await new Promise<never>(() => undefined);
    return mine;
  };

  open(): void {
    this.#second.resolve();
  }
}

/** Waits until the entry is stale: a plain read takes it for a miss then. */
async function untilStale(cache: CacheProvider, key: string, pass: () => Promise<void>): Promise<void> {
  await pass();
  await eventually(async () => assert.equal(await cache.get(key), undefined));
}

export const refreshTests: Readonly<Record<string, SuiteTest>> = {
  async 'answers a stale value at once, and loads it anew once, on all instances'(bench) {
    const { cache, key } = bench;
    const other = await bench.another();
    const source = new Source();
    const get = (of: CacheProvider): Promise<number> => of.getOrSet(key('a'), source.load, STALE);
    assert.equal(await get(cache), 1);
    assert.equal(await cache.get(key('a')), 1);
    await untilStale(cache, key('a'), () => bench.passTime(SHORT_MS));
    assert.deepEqual(await cache.getMany([key('a')]), [undefined]);
    // the refresh is under way, and no reader waits for it
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all([get(cache), get(other), get(cache), get(other)]);
      assert.deepEqual(all, [1, 1, 1, 1]);
    }
    await eventually(() => assert.ok(source.loads >= 2));
    assert.deepEqual([await get(cache), await get(other)], [1, 1]);
    if (bench.driver.capabilities.scripts) assert.equal(source.loads, 2);
    source.open();
    await eventually(async () => assert.deepEqual([await get(cache), await get(other)], [2, 2]));
  },

  async 'keeps a stale value when its refresh fails, and forgets it when staleMs is over'(bench) {
    const { cache, key } = bench;
    const options = { ttlMs: SHORT_MS, staleMs: SHORT_MS, beta: 0 };
    assert.equal(await cache.getOrSet(key('a'), async () => 'old', options), 'old');
    const left = await cache.ttlMs(key('a'));
    assert.ok(left !== undefined && left <= 2 * SHORT_MS, `${left} ms left`);
    await bench.passTime(SHORT_MS);
    const failing = (): Promise<string> => Promise.reject(new Error('mishap'));
    const answers = new Set<string>();
    await eventually(async () => {
      const answer = await cache
        .getOrSet(key('a'), failing, options)
        .catch((error: unknown) => String(error));
      answers.add(answer);
      await bench.passTime(SHORT_MS / 4);
      assert.equal(answer, 'Error: mishap');
    });
    assert.deepEqual([...answers], ['old', 'Error: mishap']);
  },

  async 'refreshes early by chance, the likelier the nearer the end, and not with beta 0'(bench) {
    const { cache, key } = bench;
    let loads = 0;
    const load = async (): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, 15));
      await bench.passTime(15);
      return ++loads;
    };
    const get = (beta: number, of = cache): Promise<number> =>
      of.getOrSet(key('a'), load, { ttlMs: LATER_MS, beta });
    assert.equal(await get(1), 1);
    for (let read = 0; read < 20; read++) assert.equal(await get(0), 1);
    // with 15 ms of load and 60 s to go: next to never by beta 1, and by this beta unless the die shows 0 out of 2^53
    assert.equal(await get(1e300, await bench.another()), 1);
    await eventually(async () => assert.equal(await get(0), 2));
  },

  async 'stores no more with a value than it needs'({ cache, driver, key, stored }) {
    const text = async (name: string): Promise<string | undefined> =>
      (await driver.get(stored(key(name)), ANY_TIME))?.toString();
    await cache.set(key('plain'), { a: 1 });
    assert.equal(await text('plain'), '{"a":1}');
    await cache.getOrSet(key('loaded'), async () => ({ a: 1 }), { ttlMs: LATER_MS, beta: 0 });
    assert.equal(await text('loaded'), '{"a":1}');
    await cache.getOrSet(key('stale'), async () => ({ a: 1 }), STALE);
    assert.equal((await text('stale'))?.endsWith('\n{"a":1}'), true);
    assert.deepEqual(await cache.get(key('stale')), { a: 1 });
  },

  async 'refuses times and betas that are none'({ cache, key }) {
    const load = async (): Promise<number> => 1;
    const refused: object[] = [
      { staleMs: -1 },
      { staleMs: Number.NaN },
      { staleMs: Infinity },
      { beta: -1 },
      { beta: Number.NaN },
      { beta: '1' },
      { loadLeaseMs: 0 },
    ];
    for (const options of refused)
      await assert.rejects(
        cache.getOrSet(key('a'), load, { ttlMs: LATER_MS, ...options }),
        isCode('INVALID_ARGUMENT'),
        JSON.stringify(options),
      );
    assert.equal(await cache.getOrSet(key('a'), load, { ttlMs: Infinity, staleMs: 5 }), 1);
    assert.equal(await cache.get(key('a')), 1);
    assert.equal(await cache.ttlMs(key('a')), Infinity);
  },
};
