import assert from 'node:assert/strict';
import { refusesWhereAbsent } from './structure.suite.js';
import { type SuiteTest } from './suite-target.js';

const withSets = (test: SuiteTest): SuiteTest =>
  refusesWhereAbsent('sets', ({ cache, key }) => cache.sets.add(key('s'), 1), test);

export const setTests: Readonly<Record<string, SuiteTest>> = {
  'sets: hold each member once, with its type': withSets(async ({ cache: { sets }, key }) => {
    assert.equal(await sets.add(key('s'), 'a', 'b', 'a'), 2);
    assert.equal(await sets.add(key('s'), ['b', 1, '1', null, { n: 1 }], { timeoutMs: 5000 }), 4);
    assert.equal(await sets.size(key('s')), 6);
    const members = await sets.members(key('s'));
    assert.deepEqual(
      members.map((member) => JSON.stringify(member)).toSorted(),
      ['"1"', '"a"', '"b"', '1', 'null', '{"n":1}'].toSorted(),
    );
    const asked = ['a', 1, '1', null, { n: 1 }, 'x', 2];
    assert.deepEqual(await Promise.all(asked.map((member) => sets.has(key('s'), member))), [
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  }),

  'sets: take members that are lists inside a list': withSets(async ({ cache: { sets }, key }) => {
    assert.equal(
      await sets.add(key('s'), [
        [1, 2],
        [3, 4],
      ]),
      2,
    );
    assert.equal(await sets.has(key('s'), [1, 2]), true);
    assert.equal(await sets.remove(key('s'), [[1, 2]]), 1);
    assert.deepEqual(await sets.members(key('s')), [[3, 4]]);
  }),

  'sets: remove members, and are gone with the last one': withSets(async ({ cache, key }) => {
    const { sets } = cache;
    await sets.add(key('s'), 'a', 'b', 'c');
    assert.equal(await sets.remove(key('s'), 'a', 'a', 'x'), 1);
    assert.equal(await sets.remove(key('s'), ['b', 'c'], {}), 2);
    assert.equal(await cache.exists(key('s')), 0);
    assert.deepEqual([await sets.size(key('s')), await sets.members(key('s'))], [0, []]);
    assert.deepEqual([await sets.add(key('s')), await sets.remove(key('s'), [])], [0, 0]);
    assert.equal(await sets.has(key('s'), 'a'), false);
  }),

  'sets: hand each member to one of many who pop': withSets(async ({ cache, key }) => {
    const { sets } = cache;
    const all = Array.from({ length: 40 }, (_, index) => index);
    await sets.add(key('s'), all);
    const ten = await sets.pop<number>(key('s'), 10);
    assert.equal(ten.length, 10);
    const popped = await Promise.all(Array.from({ length: 35 }, () => sets.pop<number>(key('s'))));
    const given = popped.filter((member) => member !== undefined);
    assert.deepEqual(
      [...ten, ...given].toSorted((a, b) => a - b),
      all,
    );
    assert.equal(await cache.exists(key('s')), 0);
    assert.deepEqual([await sets.pop(key('s')), await sets.pop(key('s'), 3)], [undefined, []]);
    assert.deepEqual(await sets.pop(key('s'), 0), []);
  }),
};
