import assert from 'node:assert/strict';
import type { CacheProvider } from '../cache.provider.js';
import { isCode, type SuiteTest } from './suite-target.js';

const MANY = 1200;

async function found(cache: CacheProvider, prefix: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const key of cache.scan(prefix)) keys.add(key);
  return [...keys].toSorted();
}

/** Runs `test` where the driver can scan, and asks for UNIMPLEMENTED where it cannot. */
const scanning =
  (test: SuiteTest): SuiteTest =>
  async (bench) => {
    if (bench.driver.capabilities.scan) return test(bench);
    await assert.rejects(found(bench.cache, ''), isCode('UNIMPLEMENTED'));
    return assert.rejects(bench.cache.deleteByPrefix('any'), isCode('UNIMPLEMENTED'));
  };

export const scanTests: Readonly<Record<string, SuiteTest>> = {
  'finds the keys under a prefix, without the prefix of the cache': scanning(async ({ cache, key }) => {
    await cache.setMany([
      [key('a:1'), 1],
      [key('a:2'), 2],
      [key('b:1'), 3],
    ]);
    assert.deepEqual(await found(cache, key('a:')), [key('a:1'), key('a:2')]);
    assert.deepEqual(await found(cache, key('c:')), []);
  }),

  'takes a prefix literally, whatever it means to a glob': scanning(async ({ cache, key }) => {
    const odd = ['*', '?', '[a]', '\\', '^', '{x}'];
    await cache.setMany(odd.map((name) => [key(name), 1]));
    for (const name of odd) assert.deepEqual(await found(cache, key(name)), [key(name)]);
    assert.equal(await cache.deleteByPrefix(key('*')), 1);
    assert.equal((await found(cache, key(''))).length, odd.length - 1);
  }),

  'finds and deletes more keys than fit a page, and nothing beside them': scanning(async ({ cache, key }) => {
    const keys = Array.from({ length: MANY }, (_, index) => key(`many:${index}`));
    await cache.setMany(keys.map((each) => [each, 1]));
    await cache.set(key('beside'), 1);
    assert.deepEqual(await found(cache, key('many:')), keys.toSorted());
    assert.equal(await cache.deleteByPrefix(key('many:')), MANY);
    assert.deepEqual(await found(cache, key('')), [key('beside')]);
  }),

  'stops when the caller breaks off': scanning(async ({ cache, key }) => {
    await cache.setMany([
      [key('a'), 1],
      [key('b'), 1],
    ]);
    let seen = 0;
    for await (const each of cache.scan(key(''))) {
      assert.ok(each.startsWith(key('')));
      seen++;
      break;
    }
    assert.equal(seen, 1);
  }),

  'empties a namespace by an empty prefix and nothing outside it': scanning(async ({ cache, key }) => {
    const inner = cache.namespace(key('inner:'));
    await inner.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    await cache.set(key('outer'), 3);
    assert.deepEqual(await found(inner, ''), ['a', 'b']);
    assert.equal(await inner.deleteByPrefix(''), 2);
    assert.equal(await cache.get(key('outer')), 3);
  }),

  async 'keeps namespaces apart and nests them'({ cache, key }) {
    const [one, two] = [cache.namespace(key('1:')), cache.namespace(key('2:'))];
    await one.set('k', 'one');
    await two.set('k', 'two');
    assert.deepEqual([await one.get('k'), await two.get('k')], ['one', 'two']);
    assert.equal(await cache.get(`${key('1:')}k`), 'one');
    assert.equal(await cache.namespace(key('')).namespace('1:').get('k'), 'one');
    assert.equal(await cache.namespace('').get(`${key('2:')}k`), 'two');
  },
};
