import assert from 'node:assert/strict';
import { refusesWhereAbsent } from './structure.suite.js';
import { ANY_TIME, isCode, type SuiteTest } from './suite-target.js';

const hashing = (test: SuiteTest): SuiteTest =>
  refusesWhereAbsent('hashes', ({ cache, key }) => cache.hashes.set(key('h'), 'f', 1), test);

export const hashTests: Readonly<Record<string, SuiteTest>> = {
  'hashes: give back the fields that were set, null included, and undefined for a miss': hashing(
    async ({ cache: { hashes }, key }) => {
      assert.equal(await hashes.get(key('h'), 'a'), undefined);
      assert.deepEqual(await hashes.getAll(key('h')), {});
      assert.equal(await hashes.set(key('h'), 'a', { list: [1] }), true);
      assert.equal(await hashes.set(key('h'), 'a', null), false);
      await hashes.setMany(key('h'), { b: 'two', 'ä €': 3, '': false });
      assert.deepEqual(await hashes.getMany(key('h'), ['b', 'x', 'a', 'b']), ['two', undefined, null, 'two']);
      assert.deepEqual(await hashes.getAll(key('h')), { a: null, b: 'two', 'ä €': 3, '': false });
      assert.deepEqual((await hashes.keys(key('h'))).toSorted(), ['', 'a', 'b', 'ä €']);
      assert.equal(await hashes.length(key('h')), 4);
    },
  ),

  'hashes: keep fields that are names of an object': hashing(async ({ cache: { hashes }, key }) => {
    await hashes.set(key('h'), '__proto__', 'mine');
    await hashes.set(key('h'), 'constructor', 1);
    const all = await hashes.getAll(key('h'));
    assert.deepEqual(
      new Map(Object.entries(all)),
      new Map<string, unknown>([
        ['__proto__', 'mine'],
        ['constructor', 1],
      ]),
    );
  }),

  'hashes: delete fields, and are gone with the last one': hashing(async ({ cache, key }) => {
    const { hashes } = cache;
    await hashes.setMany(key('h'), { a: 1, b: 2, c: 3 });
    assert.equal(await hashes.delete(key('h'), 'a', 'a', 'x'), 1);
    assert.equal(await hashes.exists(key('h'), 'a'), false);
    assert.equal(await hashes.exists(key('h'), 'b'), true);
    assert.equal(await cache.exists(key('h')), 1);
    assert.equal(await hashes.delete(key('h'), ['b', 'c'], { timeoutMs: 5000 }), 2);
    assert.equal(await cache.exists(key('h')), 0);
    assert.equal(await hashes.delete(key('h'), 'a'), 0);
    assert.deepEqual([await hashes.length(key('h')), await hashes.keys(key('h'))], [0, []]);
  }),

  'hashes: ask nothing of the store for no fields': hashing(async ({ cache, key }) => {
    await cache.set(key('h'), 'of another kind');
    assert.deepEqual(await cache.hashes.getMany(key('h'), []), []);
    assert.equal(await cache.hashes.delete(key('h')), 0);
    await cache.hashes.setMany(key('h'), {});
  }),

  'hashes: lose no increment of many callers': hashing(async ({ cache: { hashes }, key }) => {
    await hashes.set(key('h'), 'n', 7);
    await Promise.all(Array.from({ length: 50 }, () => hashes.increment(key('h'), 'n')));
    assert.equal(await hashes.increment(key('h'), 'n', -17), 40);
    assert.equal(await hashes.get(key('h'), 'n'), 40);
    assert.equal(await hashes.increment(key('h'), 'fresh'), 1);
  }),

  'hashes: refuse to count on what is no whole number, and beyond 2^53': hashing(
    async ({ cache: { hashes }, key }) => {
      for (const value of ['text', 1.5, null]) {
        await hashes.set(key('h'), 'f', value);
        await assert.rejects(hashes.increment(key('h'), 'f'), isCode('FAILED_PRECONDITION'));
        assert.equal(await hashes.get(key('h'), 'f'), value);
      }
      await hashes.set(key('h'), 'n', Number.MAX_SAFE_INTEGER - 3);
      for (const left of [2, 1, 0])
        assert.equal(await hashes.increment(key('h'), 'n'), Number.MAX_SAFE_INTEGER - left);
      await assert.rejects(hashes.increment(key('h'), 'n'), isCode('DATA_LOSS'));
      assert.equal(await hashes.get(key('h'), 'n'), Number.MAX_SAFE_INTEGER);
    },
  ),

  'hashes: say DATA_LOSS, naming the key, for a value that does not decode': hashing(
    async ({ cache: { hashes }, driver, key, stored }) => {
      await driver.hashes?.set(stored(key('h')), [['f', '{"cut']], ANY_TIME);
      const named = (error: unknown): boolean =>
        isCode('DATA_LOSS')(error) && String(error).includes(key('h'));
      await assert.rejects(hashes.get(key('h'), 'f'), named);
      await assert.rejects(hashes.getAll(key('h')), named);
    },
  ),
};
