import assert from 'node:assert/strict';
import { seededRandom } from '@infra-kit/kernel/testing';
import type { CacheBlooms } from '../cache.structures.js';
import { isCode, type SuiteTest } from './suite-target.js';

const SMALL = { capacity: 1000, errorRate: 0.01 };
const BATCH = 500;

const blooming =
  (test: SuiteTest): SuiteTest =>
  async (bench) => {
    if (bench.driver.capabilities.scripts) return test(bench);
    return assert.rejects(bench.cache.blooms.reserve(bench.key('b'), SMALL), isCode('UNIMPLEMENTED'));
  };

async function inBatches(
  count: number,
  ask: (from: number, to: number) => Promise<readonly boolean[]>,
): Promise<number> {
  let yes = 0;
  for (let from = 0; from < count; from += BATCH)
    yes += (await ask(from, Math.min(count, from + BATCH))).filter(Boolean).length;
  return yes;
}

const numbered = (what: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${what}:${from + index}`);

export const bloomTests: Readonly<Record<string, SuiteTest>> = {
  'blooms: find every item that was added, and keep to the error rate at capacity': blooming(
    async ({ cache: { blooms }, key }) => {
      const random = seededRandom();
      const shape = { capacity: 3000, errorRate: 0.05 };
      const sample = 60_000;
      await blooms.reserve(key('b'), shape);
      const mine = `${random.seed}:mine`;
      const fresh = await inBatches(shape.capacity, (from, to) =>
        blooms.add(key('b'), numbered(mine, from, to)),
      );
      assert.ok(fresh > shape.capacity * 0.95, `${fresh} were new, seed ${random.seed}`);
      const found = await inBatches(shape.capacity, (from, to) =>
        blooms.has(key('b'), numbered(mine, from, to)),
      );
      assert.equal(found, shape.capacity, `seed ${random.seed}`);
      const wrong = await inBatches(sample, (from, to) =>
        blooms.has(key('b'), numbered(`${random.seed}:other`, from, to)),
      );
      const rate = wrong / sample;
      assert.ok(rate <= shape.errorRate * 1.1, `measured ${rate}, seed ${random.seed}`);
      assert.ok(rate >= shape.errorRate * 0.8, `measured ${rate}: larger than need be, seed ${random.seed}`);
    },
  ),

  'blooms: answer for each item whether it is new, repeats and types included': blooming(
    async ({ cache: { blooms }, key }) => {
      await blooms.reserve(key('b'), SMALL);
      assert.deepEqual(await blooms.add(key('b'), 'a', 'b', 'a'), [true, true, false]);
      assert.deepEqual(await blooms.add(key('b'), ['b', 1, null, [2]], { timeoutMs: 5000 }), [
        false,
        true,
        true,
        true,
      ]);
      assert.deepEqual(await blooms.has(key('b'), 'a', 'x', 1, '1', null, { a: 1 }), [
        true,
        false,
        true,
        false,
        true,
        false,
      ]);
      assert.deepEqual(await blooms.has(key('b'), ['b'], { timeoutMs: 5000 }), [true]);
      assert.deepEqual([await blooms.add(key('b')), await blooms.has(key('b'), [])], [[], []]);
    },
  ),

  'blooms: refuse to add or look before reserve, and make nothing': blooming(async ({ cache, key }) => {
    const call = [
      (blooms: CacheBlooms) => blooms.add(key('b'), 'a'),
      (blooms: CacheBlooms) => blooms.has(key('b'), 'a'),
    ];
    for (const each of call) await assert.rejects(each(cache.blooms), isCode('FAILED_PRECONDITION'));
    assert.equal(await cache.exists(key('b')), 0);
    await cache.set(key('b'), 'plain');
    for (const each of call) await assert.rejects(each(cache.blooms), isCode('FAILED_PRECONDITION'));
    await assert.rejects(cache.blooms.reserve(key('b'), SMALL), isCode('FAILED_PRECONDITION'));
    assert.equal(await cache.get(key('b')), 'plain');
  }),

  'blooms: keep the first shape: the same again is nothing, another is refused': blooming(
    async ({ cache: { blooms }, key }) => {
      await blooms.reserve(key('b'), SMALL);
      await blooms.add(key('b'), 'a');
      await blooms.reserve(key('b'), { ...SMALL, timeoutMs: 5000 });
      assert.deepEqual(await blooms.has(key('b'), 'a'), [true]);
      for (const other of [
        { capacity: 1001, errorRate: 0.01 },
        { capacity: 1000, errorRate: 0.011 },
      ])
        await assert.rejects(blooms.reserve(key('b'), other), isCode('FAILED_PRECONDITION'));
      assert.deepEqual(await blooms.has(key('b'), 'a', 'b'), [true, false]);
    },
  ),

  'blooms: are entries: they expire, are deleted and refuse another kind': blooming(
    async ({ cache, driver, key }) => {
      await cache.blooms.reserve(key('b'), SMALL);
      assert.equal(await cache.expire(key('b'), 60_000), true);
      await cache.blooms.add(key('b'), 'a');
      const left = await cache.ttlMs(key('b'));
      assert.ok(left !== undefined && left > 0 && left <= 60_000);
      assert.equal(await cache.delete(key('b')), 1);
      await assert.rejects(cache.blooms.has(key('b'), 'a'), isCode('FAILED_PRECONDITION'));
      if (driver.hashes === undefined) return;
      await cache.hashes.set(key('h'), 'f', 1);
      await assert.rejects(cache.blooms.reserve(key('h'), SMALL), isCode('FAILED_PRECONDITION'));
      await assert.rejects(cache.blooms.add(key('h'), 'a'), isCode('FAILED_PRECONDITION'));
      await assert.rejects(cache.blooms.has(key('h'), 'a'), isCode('FAILED_PRECONDITION'));
    },
  ),
};
