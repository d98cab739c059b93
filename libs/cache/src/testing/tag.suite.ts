import assert from 'node:assert/strict';
import type { CacheProvider } from '../cache.provider.js';
import { isCode, type SuiteTest } from './suite-target.js';

const LATER = { ttlMs: 60_000 };

/** Runs `test` where the driver has scripts, and asks for UNIMPLEMENTED where it has none. */
const tagging =
  (test: SuiteTest): SuiteTest =>
  async (bench) => {
    if (bench.driver.capabilities.scripts) return test(bench);
    const { cache, key } = bench;
    await assert.rejects(cache.set(key('a'), 1, { tags: ['t'] }), isCode('UNIMPLEMENTED'));
    await assert.rejects(cache.invalidateTags('t'), isCode('UNIMPLEMENTED'));
    return assert.rejects(
      cache.getOrSet(key('a'), async () => 1, { ...LATER, tags: ['t'] }),
      isCode('UNIMPLEMENTED'),
    );
  };

async function found(cache: CacheProvider, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of cache.scan(prefix)) keys.push(key);
  return keys.toSorted();
}

export const tagTests: Readonly<Record<string, SuiteTest>> = {
  'makes every entry with a tag a miss, on all instances, and no other': tagging(async (bench) => {
    const { cache, key } = bench;
    const other = await bench.another();
    const [red, blue] = [key('red'), key('blue')];
    await cache.set(key('a'), 'a', { ...LATER, tags: [red] });
    await other.set(key('b'), 'b', { ...LATER, tags: [blue, red] });
    await cache.set(key('c'), 'c', { ...LATER, tags: [blue] });
    await other.set(key('d'), 'd', LATER);
    await cache.set(key('e'), 'e', { tags: [red] });
    const keys = ['a', 'b', 'c', 'd', 'e'].map((name) => key(name));
    for (const each of [cache, other]) assert.deepEqual(await each.getMany(keys), ['a', 'b', 'c', 'd', 'e']);
    await other.invalidateTags(red);
    const isVoid = async (each: CacheProvider): Promise<void> => {
      assert.deepEqual(await each.getMany(keys), [undefined, undefined, 'c', 'd', undefined]);
      assert.deepEqual([await each.get(key('a')), await each.get(key('c'))], [undefined, 'c']);
    };
    await isVoid(other);
    await bench.arrives(() => isVoid(cache));
    assert.equal(await cache.getAndSet(key('b'), 'anew'), undefined);
    assert.equal(await other.get(key('b')), 'anew');
  }),

  'loads anew what a tag has made void, on all instances': tagging(async (bench) => {
    const { cache, key } = bench;
    const other = await bench.another();
    let loads = 0;
    const load = (of: CacheProvider): Promise<number> =>
      of.getOrSet(key('a'), async () => ++loads, { ...LATER, tags: [key('t')] });
    assert.deepEqual([await load(cache), await load(other)], [1, 1]);
    await cache.invalidateTags([key('t')], { timeoutMs: 5000 });
    await bench.arrives(async () => assert.equal(await load(other), 2));
    assert.equal(await load(cache), 2);
    assert.equal(await cache.get(key('a')), 2);
  }),

  'makes void what was loading while its tag was invalidated': tagging(async (bench) => {
    const { cache, key } = bench;
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<string>();
    const loading = cache.getOrSet(
      key('a'),
      () => {
        begun.resolve();
        return gate.promise;
      },
      { ...LATER, tags: [key('t')] },
    );
    await begun.promise;
    await cache.invalidateTags(key('t'));
    gate.resolve('read before');
    assert.equal(await loading, 'read before');
    assert.equal(await cache.get(key('a')), undefined);
  }),

  'gives nobody who asks after an invalidation what was loading before it': tagging(async (bench) => {
    const { cache, key } = bench;
    const options = { ...LATER, tags: [key('t')] };
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<string>();
    const loading = cache.getOrSet(
      key('a'),
      () => {
        begun.resolve();
        return gate.promise;
      },
      options,
    );
    await begun.promise;
    await cache.invalidateTags(key('t'));
    const after = cache.getOrSet(key('a'), async () => 'read after', options);
    gate.resolve('read before');
    assert.deepEqual([await loading, await after], ['read before', 'read after']);
  }),

  'gives nobody who asks after an invalidation by another instance what was loading before it': tagging(
    async (bench) => {
      const { cache, key } = bench;
      const other = await bench.another();
      const options = { ...LATER, tags: [key('t')] };
      const begun = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<string>();
      let loads = 0;
      const load = async (): Promise<string> => {
        if (++loads > 1) return 'read after';
        begun.resolve();
        return gate.promise;
      };
      const before = [cache.getOrSet(key('a'), load, options)];
      await begun.promise;
      before.push(cache.getOrSet(key('a'), load, options));
      await cache.ping(); // what the second one asks has been sent
      await other.invalidateTags(key('t'));
      const after = await Promise.all([1, 2, 3].map(() => cache.getOrSet(key('a'), load, options)));
      assert.deepEqual(after, ['read after', 'read after', 'read after']);
      assert.equal(loads, 2);
      gate.resolve('read before');
      assert.equal(await before[0], 'read before');
      await before[1];
      assert.equal(await cache.get(key('a')), 'read after');
    },
  ),

  'forgets a failure that it remembers once a tag of it is invalidated, by whichever instance': tagging(
    async (bench) => {
      const { cache, key } = bench;
      const other = await bench.another();
      const options = { ...LATER, negativeTtlMs: 60_000, tags: [key('t')] };
      for (const each of [cache, other]) {
        const mishap = new Error('mishap');
        await assert.rejects(
          cache.getOrSet(key('a'), () => Promise.reject(mishap), options),
          (error) => error === mishap,
        );
        await each.invalidateTags(key('of others'));
        await assert.rejects(
          cache.getOrSet(key('a'), async () => 'asked', options),
          (error) => error === mishap,
        );
        await each.invalidateTags(key('t'));
        assert.equal(await cache.getOrSet(key('a'), async () => 'asked', options), 'asked');
        await cache.delete(key('a'));
      }
    },
  ),

  'writes under a tag that was invalidated before, as if it never had been': tagging(
    async ({ cache, key }) => {
      await cache.invalidateTags(key('t'));
      await cache.set(key('a'), 1, { ...LATER, tags: [key('t')] });
      assert.equal(await cache.get(key('a')), 1);
      await cache.set(key('a'), 2, LATER);
      await cache.invalidateTags(key('t'));
      assert.equal(await cache.get(key('a')), 2);
    },
  ),

  'errs to a miss when the store loses the version of a tag': tagging(async (bench) => {
    const { cache, driver, key, stored } = bench;
    await cache.set(key('a'), 1, { ttlMs: 1000, tags: [key('t')] });
    await cache.set(key('a'), 1, { ...LATER, tags: [key('t')] });
    await cache.set(key('b'), 1, { ttlMs: 1000, tags: [key('t')] });
    const page = await driver.scanPage(stored(key('t')), undefined, { signal: new AbortController().signal });
    let next = page.next;
    const versions = [...page.keys];
    while (next !== undefined) {
      const more = await driver.scanPage(stored(key('t')), next, { signal: new AbortController().signal });
      versions.push(...more.keys);
      next = more.next;
    }
    const left = await driver.ttlMs(versions[0] ?? '', { signal: new AbortController().signal });
    assert.ok(left !== undefined && left > 100_000 && left < 240_000, `a version is kept for ${left} ms`);
    await driver.delete(versions, { signal: new AbortController().signal });
    assert.equal(await cache.get(key('a')), undefined);
    await cache.set(key('b'), 2, { ...LATER, tags: [key('t')] });
    assert.deepEqual(await cache.getMany([key('a'), key('b')]), [undefined, 2]);
  }),

  'keeps the tags of a namespace to itself': tagging(async ({ cache, key }) => {
    const [one, two] = [cache.namespace(key('1:')), cache.namespace(key('2:'))];
    await one.set('a', 1, { ...LATER, tags: ['t'] });
    await two.set('a', 2, { ...LATER, tags: ['t'] });
    await one.invalidateTags('t');
    assert.deepEqual([await one.get('a'), await two.get('a')], [undefined, 2]);
    await cache.invalidateTags(`${key('2:')}t`);
    assert.equal(await two.get('a'), undefined);
  }),

  'shows nothing of its own in scan, and deleteByPrefix leaves it': tagging(async ({ cache, key }) => {
    await cache.set(key('a'), 1, { ...LATER, tags: [key('t')] });
    await cache.set(key('b'), 2, { ...LATER, tags: [key('a')] });
    assert.deepEqual(await found(cache, key('')), [key('a'), key('b')]);
    assert.equal(await cache.deleteByPrefix(key('a')), 1);
    assert.equal(await cache.get(key('b')), 2);
  }),

  'refuses tags that are none, and takes none at all': tagging(async ({ cache, key }) => {
    for (const tags of [[''], [7], 'text'] as unknown as string[][]) {
      await assert.rejects(cache.set(key('a'), 1, { tags }), isCode('INVALID_ARGUMENT'));
      await assert.rejects(
        cache.getOrSet(key('a'), async () => 1, { ...LATER, tags }),
        isCode('INVALID_ARGUMENT'),
      );
    }
    await assert.rejects(cache.invalidateTags(''), isCode('INVALID_ARGUMENT'));
    await cache.invalidateTags();
    await cache.invalidateTags([]);
    assert.equal(await cache.set(key('a'), 1, { ...LATER, tags: [] }), true);
    assert.equal(await cache.get(key('a')), 1);
  }),
};
