import assert from 'node:assert/strict';
import { ANY_TIME, isCode, type SuiteTest } from './suite-target.js';

export const valueTests: Readonly<Record<string, SuiteTest>> = {
  async 'gives back what was set, null included, and undefined for a miss'({ cache, key }) {
    const values = { number: 0, text: '', nothing: null, no: false, list: [1, [2]], object: { ä: '€😀' } };
    for (const [name, value] of Object.entries(values)) assert.equal(await cache.set(key(name), value), true);
    for (const [name, value] of Object.entries(values)) assert.deepEqual(await cache.get(key(name)), value);
    assert.equal(await cache.get(key('missing')), undefined);
  },

  async 'keeps a value of a mebibyte and a key of 64 KiB'({ cache, key }) {
    const long = key('k').padEnd(64 * 1024, 'x');
    const value = 'v'.repeat(1024 * 1024);
    await cache.set(long, value);
    assert.equal(await cache.get(long), value);
    await cache.delete(long);
  },

  async 'hands out a value of its own to each reader'({ cache, key }) {
    await cache.set(key('a'), { list: [1] });
    const first = await cache.get<{ list: number[] }>(key('a'));
    first?.list.push(2);
    assert.deepEqual(await cache.get(key('a')), { list: [1] });
  },

  async 'answers many keys in their order, misses and repeats included'({ cache, key }) {
    await cache.setMany([
      [key('a'), 1],
      [key('b'), null],
    ]);
    assert.deepEqual(await cache.getMany([key('b'), key('x'), key('a'), key('b')]), [
      null,
      undefined,
      1,
      null,
    ]);
    assert.deepEqual(await cache.getMany([]), []);
  },

  async 'writes many, the last of a repeated key winning'({ cache, key }) {
    await cache.setMany(new Map([[key('m'), 1]]));
    await cache.setMany([
      [key('a'), 1],
      [key('a'), 2],
    ]);
    await cache.setMany([]);
    assert.deepEqual(await cache.getMany([key('m'), key('a')]), [1, 2]);
  },

  async 'writes under a condition only where it holds'({ cache, key }) {
    assert.equal(await cache.set(key('a'), 1, { ifPresent: true }), false);
    assert.equal(await cache.get(key('a')), undefined);
    assert.equal(await cache.set(key('a'), 2, { ifAbsent: true }), true);
    assert.equal(await cache.setIfAbsent(key('a'), 3), false);
    assert.equal(await cache.get(key('a')), 2);
    assert.equal(await cache.set(key('a'), 4, { ifPresent: true }), true);
    assert.equal(await cache.get(key('a')), 4);
  },

  async 'lets one of many callers set what is absent'({ cache, key }) {
    const won = await Promise.all(Array.from({ length: 20 }, (_, by) => cache.setIfAbsent(key('a'), by)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(await cache.get(key('a')), won.indexOf(true));
  },

  async 'answers the former value when it writes another'({ cache, key }) {
    assert.equal(await cache.getAndSet(key('a'), { n: 1 }), undefined);
    assert.deepEqual(await cache.getAndSet(key('a'), null), { n: 1 });
    assert.equal(await cache.getAndSet(key('a'), 3), null);
    assert.equal(await cache.get(key('a')), 3);
  },

  async 'deletes and counts, as rest parameters and as a list'({ cache, key }) {
    await cache.setMany([
      [key('a'), 1],
      [key('b'), 2],
      [key('c'), 3],
    ]);
    assert.equal(await cache.exists(key('a'), key('a'), key('x')), 2);
    assert.equal(await cache.exists([key('b'), key('c')], { timeoutMs: 5000 }), 2);
    assert.equal(await cache.delete(key('a'), key('a'), key('x')), 1);
    assert.equal(await cache.delete([key('b'), key('c')], { timeoutMs: 5000 }), 2);
    assert.equal(await cache.exists(key('a'), key('b'), key('c')), 0);
    assert.deepEqual([await cache.delete(), await cache.exists(), await cache.delete([])], [0, 0, 0]);
  },

  async 'counts up and down from nothing, and the counter is a value'({ cache, key }) {
    assert.equal(await cache.increment(key('n')), 1);
    assert.equal(await cache.increment(key('n'), 41), 42);
    assert.equal(await cache.decrement(key('n'), 50), -8);
    assert.equal(await cache.decrement(key('n')), -9);
    assert.equal(await cache.get(key('n')), -9);
    await cache.set(key('n'), 7);
    assert.equal(await cache.increment(key('n'), 0), 7);
  },

  async 'loses no increment of many callers'({ cache, key }) {
    const sums = await Promise.all(Array.from({ length: 50 }, () => cache.increment(key('n'))));
    assert.deepEqual(
      sums.toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  },

  async 'refuses to count on what is no whole number, and changes nothing'({ cache, key }) {
    for (const value of ['text', 1.5, { n: 1 }, null]) {
      await cache.set(key('a'), value);
      await assert.rejects(cache.increment(key('a')), isCode('FAILED_PRECONDITION'));
      assert.deepEqual(await cache.get(key('a')), value);
    }
  },

  async 'counts exactly up to 2^53 - 1, and refuses what is beyond without a change'({ cache, key }) {
    for (const [name, sign] of [
      ['up', 1],
      ['down', -1],
    ] as const) {
      const most = sign * Number.MAX_SAFE_INTEGER;
      await cache.set(key(name), most - sign * 60, { ttlMs: 60_000 });
      for (let left = 59; left >= 0; left -= 1)
        assert.equal(await cache.increment(key(name), sign), most - sign * left);
      for (const by of [sign, most]) {
        await assert.rejects(cache.increment(key(name), by), isCode('DATA_LOSS'));
        assert.equal(await cache.get(key(name)), most);
      }
      assert.equal(await cache.decrement(key(name), sign), most - sign);
      assert.ok((await cache.ttlMs(key(name))) !== Infinity);
    }
  },

  async 'says DATA_LOSS for a counter beyond 64 bits, and changes nothing'({ cache, driver, key, stored }) {
    const most = '9223372036854775807';
    await driver.set(stored(key('n')), most, { ttlMs: undefined }, ANY_TIME);
    await assert.rejects(cache.increment(key('n')), isCode('DATA_LOSS'));
    assert.equal(String(await driver.get(stored(key('n')), ANY_TIME)), most);
  },

  async 'says DATA_LOSS, naming the key, for a value that does not decode'({ cache, driver, key, stored }) {
    for (const bytes of ['{"cut', '', Buffer.from([0x22, 0xff, 0x22])]) {
      await driver.set(stored(key('a')), bytes, { ttlMs: undefined }, ANY_TIME);
      const named = (error: unknown): boolean =>
        isCode('DATA_LOSS')(error) && String(error).includes(key('a'));
      await assert.rejects(cache.get(key('a')), named);
      await assert.rejects(cache.getMany([key('b'), key('a')]), named);
    }
    await cache.set(key('a'), 'whole again');
    assert.equal(await cache.get(key('a')), 'whole again');
  },

  async 'answers a ping and is up'({ cache }) {
    await cache.ping();
    assert.equal((await cache.health()).status, 'up');
  },
};
