import assert from 'node:assert/strict';
import { seededRandom } from '@infra-kit/kernel/testing';
import type { CacheScored, CacheSortedSetQuery } from '../cache.structures.js';
import { refusesWhereAbsent } from './structure.suite.js';
import { isCode, type SuiteTest } from './suite-target.js';

const sorting = (test: SuiteTest): SuiteTest =>
  refusesWhereAbsent(
    'sortedSets',
    ({ cache, key }) => cache.sortedSets.add(key('z'), [{ member: 1, score: 1 }]),
    test,
  );

const scored = (scores: Readonly<Record<string, number>>): CacheScored[] =>
  Object.entries(scores).map(([member, score]) => ({ member, score }));
const names = (entries: readonly CacheScored[]): string =>
  entries.map(({ member }) => String(member)).join(' ');

/** What a range must answer, by the plainest means: `all` in order, lowest first. */
function expected(all: readonly CacheScored[], query: CacheSortedSetQuery): CacheScored[] {
  const { by = 'rank', from, to, reverse = false, limit = Infinity } = query;
  const ordered = reverse ? all.toReversed() : [...all];
  if (by === 'score') {
    const ends = [from ?? -Infinity, to ?? Infinity] as const;
    const [low, high] = reverse ? [Math.min(...ends), Math.max(...ends)] : ends;
    return ordered.filter(({ score }) => score >= low && score <= high).slice(0, limit);
  }
  const place = (rank: number): number => (rank < 0 ? rank + ordered.length : rank);
  const [first, last] = [place(from ?? 0), place(to ?? -1)];
  return ordered.filter((_, rank) => rank >= first && rank <= last).slice(0, limit);
}

export const sortedSetTests: Readonly<Record<string, SuiteTest>> = {
  'sorted sets: keep members by score, then by bytes': sorting(async ({ cache: { sortedSets }, key }) => {
    assert.equal(await sortedSets.add(key('z'), scored({ c: 2, a: 3, b: 2, d: -1.5 })), 4);
    assert.equal(await sortedSets.add(key('z'), scored({ a: 0.1, e: 9 })), 1);
    assert.deepEqual(await sortedSets.range(key('z')), [
      { member: 'd', score: -1.5 },
      { member: 'a', score: 0.1 },
      { member: 'b', score: 2 },
      { member: 'c', score: 2 },
      { member: 'e', score: 9 },
    ]);
    assert.equal(await sortedSets.size(key('z')), 5);
    assert.equal(await sortedSets.score(key('z'), 'a'), 0.1);
    assert.equal(await sortedSets.score(key('z'), 'x'), undefined);
    assert.deepEqual(await sortedSets.range(key('none')), []);
  }),

  'sorted sets: take the last score of a member named twice': sorting(
    async ({ cache: { sortedSets }, key }) => {
      const twice = [
        { member: 'a', score: 1 },
        { member: 'a', score: 2 },
      ];
      assert.equal(await sortedSets.add(key('z'), twice), 1);
      assert.deepEqual(await sortedSets.range(key('z')), [{ member: 'a', score: 2 }]);
      assert.equal(await sortedSets.add(key('z'), []), 0);
    },
  ),

  'sorted sets: keep typed members, and scores to the last digit and to infinity': sorting(
    async ({ cache: { sortedSets }, key }) => {
      const entries = [
        { member: { n: 1 }, score: -Infinity },
        { member: 'low', score: -1e-300 },
        { member: 7, score: 0.1 + 0.2 },
        { member: null, score: Number.MAX_SAFE_INTEGER },
        { member: '7', score: Infinity },
      ];
      await sortedSets.add(key('z'), entries);
      assert.deepEqual(await sortedSets.range(key('z')), entries);
      assert.equal(await sortedSets.score(key('z'), '7'), Infinity);
      await sortedSets.add(key('y'), [{ member: 'zero', score: -0 }]);
      assert.ok(Object.is(await sortedSets.score(key('y'), 'zero'), 0));
    },
  ),

  'sorted sets: rank from either end': sorting(async ({ cache: { sortedSets }, key }) => {
    await sortedSets.add(key('z'), scored({ a: 1, b: 2, c: 2, d: 3 }));
    const ranks = (reverse: boolean): Promise<(number | undefined)[]> =>
      Promise.all(['a', 'b', 'c', 'd', 'x'].map((each) => sortedSets.rank(key('z'), each, { reverse })));
    assert.deepEqual(await ranks(false), [0, 1, 2, 3, undefined]);
    assert.deepEqual(await ranks(true), [3, 2, 1, 0, undefined]);
    assert.equal(await sortedSets.rank(key('z'), 'b'), 1);
    assert.equal(await sortedSets.rank(key('none'), 'b', { reverse: true }), undefined);
  }),

  'sorted sets: answer every range as the plainest reading of it would': sorting(
    async ({ cache: { sortedSets }, key }) => {
      const random = seededRandom();
      for (let set = 0; set < 4; set++) {
        const at = key(`z${set}`);
        const members = Array.from({ length: random.int(1, 12) }, (_, index) => ({
          member: `m${index}`,
          score: random.int(-3, 3),
        }));
        await sortedSets.add(at, members);
        const all = await sortedSets.range<string>(at);
        for (let step = 0; step < 60; step++) {
          const by = random.pick(['rank', 'score', undefined] as const);
          const end = (): number | undefined =>
            random.pick([
              undefined,
              random.int(-14, 14),
              by === 'score' ? random.pick([-Infinity, Infinity]) : 0,
            ]);
          const query: CacheSortedSetQuery = {
            by,
            from: end(),
            to: end(),
            reverse: random.pick([undefined, true, false]),
            limit: random.pick([undefined, 0, 1, 3, 20]),
          };
          const where = `seed ${random.seed}: ${JSON.stringify(query)} of ${names(all)}`;
          assert.deepEqual(await sortedSets.range(at, query), expected(all, query), where);
        }
      }
    },
  ),

  'sorted sets: count between scores, ends and infinities included': sorting(
    async ({ cache: { sortedSets }, key }) => {
      await sortedSets.add(key('z'), scored({ a: 1, b: 2, c: 2, d: 3 }));
      assert.equal(await sortedSets.count(key('z'), 2, 2), 2);
      assert.equal(await sortedSets.count(key('z'), -Infinity, 2), 3);
      assert.equal(await sortedSets.count(key('z'), 2.5, Infinity), 1);
      assert.equal(await sortedSets.count(key('z'), 3, 1), 0);
      assert.equal(await sortedSets.count(key('none'), -Infinity, Infinity), 0);
    },
  ),

  'sorted sets: lose no increment of many callers': sorting(async ({ cache: { sortedSets }, key }) => {
    await Promise.all(Array.from({ length: 40 }, () => sortedSets.incrementScore(key('z'), 'a')));
    assert.equal(await sortedSets.incrementScore(key('z'), 'a', -0.5), 39.5);
    assert.equal(await sortedSets.score(key('z'), 'a'), 39.5);
    await sortedSets.add(key('z'), [{ member: 'b', score: Infinity }]);
    await assert.rejects(sortedSets.incrementScore(key('z'), 'b', -Infinity), isCode('FAILED_PRECONDITION'));
    assert.equal(await sortedSets.score(key('z'), 'b'), Infinity);
  }),

  'sorted sets: remove members and ranges, and are gone with the last one': sorting(
    async ({ cache, key }) => {
      const { sortedSets } = cache;
      await sortedSets.add(key('z'), scored({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }));
      assert.equal(await sortedSets.remove(key('z'), 'a', 'x'), 1);
      assert.equal(await sortedSets.removeRange(key('z'), { to: 0 }), 1);
      assert.equal(await sortedSets.removeRange(key('z'), { by: 'score', from: 4, to: 4.5 }), 1);
      assert.equal(await sortedSets.removeRange(key('z'), { from: -1 }), 1);
      assert.equal(names(await sortedSets.range(key('z'))), 'c e');
      assert.equal(await sortedSets.remove(key('z'), ['e'], { timeoutMs: 5000 }), 1);
      assert.equal(await sortedSets.removeRange(key('z'), { by: 'score', from: -Infinity, to: Infinity }), 1);
      assert.equal(await cache.exists(key('z')), 0);
      assert.equal(await sortedSets.removeRange(key('z'), { from: 0 }), 0);
      assert.equal(await sortedSets.remove(key('z'), 'a'), 0);
    },
  ),
};
