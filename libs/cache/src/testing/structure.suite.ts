import assert from 'node:assert/strict';
import { eventually } from '@infra-kit/kernel/testing';
import type { CacheProvider } from '../cache.provider.js';
import { isCode, type Bench, type SuiteTest } from './suite-target.js';

/** Runs `test` where the driver has that kind of entry, and asks for UNIMPLEMENTED where it has not. */
export const refusesWhereAbsent =
  (
    kind: 'hashes' | 'sets' | 'sortedSets',
    call: (bench: Bench) => Promise<unknown>,
    test: SuiteTest,
  ): SuiteTest =>
  async (bench) => {
    if (bench.driver[kind] !== undefined) return test(bench);
    return assert.rejects(call(bench), isCode('UNIMPLEMENTED'));
  };

type Call = (cache: CacheProvider, key: string) => Promise<unknown>;

/** One entry of each kind, made and read by calls that fit no other kind. */
const KINDS: Readonly<Record<string, { readonly make: Call; readonly calls: readonly Call[] }>> = {
  value: {
    make: (cache, key) => cache.set(key, 1),
    calls: [
      (cache, key) => cache.get(key),
      (cache, key) => cache.increment(key),
      (cache, key) => cache.getAndSet(key, 2),
    ],
  },
  hash: {
    make: ({ hashes }, key) => hashes.set(key, 'f', 1),
    calls: [
      ({ hashes }, key) => hashes.get(key, 'f'),
      ({ hashes }, key) => hashes.getAll(key),
      ({ hashes }, key) => hashes.set(key, 'f', 1),
      ({ hashes }, key) => hashes.delete(key, 'f'),
      ({ hashes }, key) => hashes.exists(key, 'f'),
      ({ hashes }, key) => hashes.length(key),
      ({ hashes }, key) => hashes.increment(key, 'f'),
      ({ hashes }, key) => hashes.keys(key),
    ],
  },
  set: {
    make: ({ sets }, key) => sets.add(key, 1),
    calls: [
      ({ sets }, key) => sets.add(key, 1),
      ({ sets }, key) => sets.remove(key, 1),
      ({ sets }, key) => sets.has(key, 1),
      ({ sets }, key) => sets.members(key),
      ({ sets }, key) => sets.size(key),
      ({ sets }, key) => sets.pop(key),
    ],
  },
  'sorted set': {
    make: ({ sortedSets }, key) => sortedSets.add(key, [{ member: 1, score: 1 }]),
    calls: [
      ({ sortedSets }, key) => sortedSets.add(key, [{ member: 1, score: 1 }]),
      ({ sortedSets }, key) => sortedSets.remove(key, 1),
      ({ sortedSets }, key) => sortedSets.score(key, 1),
      ({ sortedSets }, key) => sortedSets.incrementScore(key, 1),
      ({ sortedSets }, key) => sortedSets.rank(key, 1),
      ({ sortedSets }, key) => sortedSets.range(key),
      ({ sortedSets }, key) => sortedSets.count(key, 0, 1),
      ({ sortedSets }, key) => sortedSets.size(key),
      ({ sortedSets }, key) => sortedSets.removeRange(key, { from: 0 }),
    ],
  },
};

const structured =
  (test: SuiteTest): SuiteTest =>
  async (bench) => {
    const { hashes, sets, sortedSets } = bench.driver;
    if (hashes && sets && sortedSets) await test(bench);
  };

export const structureTests: Readonly<Record<string, SuiteTest>> = {
  'refuses calls of the wrong kind for an entry, and changes nothing': structured(async ({ cache, key }) => {
    for (const [kind, { make }] of Object.entries(KINDS))
      for (const [other, { calls }] of Object.entries(KINDS)) {
        if (kind === other) continue;
        const at = key(`${kind} as ${other}`);
        await make(cache, at);
        for (const call of calls)
          await assert.rejects(call(cache, at), isCode('FAILED_PRECONDITION'), `${at}: ${String(call)}`);
        assert.equal(await cache.exists(at), 1);
      }
  }),

  'sees an entry of another kind as a miss in getMany, and replaces it by set': structured(
    async ({ cache, key }) => {
      for (const [kind, { make }] of Object.entries(KINDS)) {
        if (kind === 'value') continue;
        await make(cache, key(kind));
        assert.deepEqual(await cache.getMany([key(kind)]), [undefined]);
        assert.equal(await cache.setIfAbsent(key(kind), 'plain'), false);
        await cache.set(key(kind), 'plain');
        assert.equal(await cache.get(key(kind)), 'plain');
      }
    },
  ),

  'expires, finds and deletes entries of every kind': structured(async ({ cache, driver, key, passTime }) => {
    const kinds = Object.keys(KINDS);
    for (const [kind, { make }] of Object.entries(KINDS)) {
      await make(cache, key(`k:${kind}`));
      assert.equal(await cache.ttlMs(key(`k:${kind}`)), Infinity);
      assert.equal(await cache.expire(key(`k:${kind}`), 60), true);
      await make(cache, key(`d:${kind}`));
    }
    await passTime(60);
    const all = kinds.map((kind) => key(`k:${kind}`));
    await eventually(async () => assert.equal(await cache.exists(all), 0));
    if (driver.capabilities.scan) {
      const found: string[] = [];
      for await (const each of cache.scan(key('d:'))) found.push(each);
      assert.deepEqual(new Set(found), new Set(kinds.map((kind) => key(`d:${kind}`))));
    }
    assert.equal(await cache.delete(kinds.map((kind) => key(`d:${kind}`))), kinds.length);
  }),

  'keeps the expiry of an entry that is changed': structured(async ({ cache, key }) => {
    for (const [kind, { make, calls }] of Object.entries(KINDS)) {
      if (kind === 'value') continue;
      await make(cache, key(kind));
      await cache.expire(key(kind), 60_000);
      await calls[0]?.(cache, key(kind));
      await make(cache, key(kind));
      const left = await cache.ttlMs(key(kind));
      assert.ok(left !== undefined && left > 0 && left <= 60_000, `${kind}: ${left}`);
    }
  }),

  'keeps structures of namespaces apart': structured(async ({ cache, key }) => {
    const [one, two] = [cache.namespace(key('1:')), cache.namespace(key('2:'))];
    await one.hashes.set('k', 'f', 'one');
    await one.sets.add('s', 'one');
    await one.sortedSets.add('z', [{ member: 'one', score: 1 }]);
    assert.equal(await two.hashes.get('k', 'f'), undefined);
    assert.deepEqual([await two.sets.size('s'), await two.sortedSets.size('z')], [0, 0]);
    assert.equal(await cache.hashes.get(`${key('1:')}k`, 'f'), 'one');
    assert.deepEqual(await cache.sets.members(`${key('1:')}s`), ['one']);
    assert.equal(await cache.sortedSets.score(`${key('1:')}z`, 'one'), 1);
  }),
};
