import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { ALL, asked, drain, nothing } from './fixtures/every-call.js';
import { faultyCache } from './fixtures/faulty-cache.js';

describe('a bad argument', () => {
  const long = 'ä'.repeat(32 * 1024 + 1);
  it.each([
    ['an empty key', ''],
    ['a key over 64 KiB', long],
    ['a key that is no text', 5],
    ['a key that is half a character', '\ud800'],
  ])('%s is INVALID_ARGUMENT everywhere, and nothing has happened', async (_what, bad) => {
    const { cache, faults } = await faultyCache();
    const key = bad as string;
    for (const call of [
      () => cache.get(key),
      () => cache.getMany(['a', key]),
      () => cache.set(key, 1),
      () =>
        cache.setMany([
          ['a', 1],
          [key, 1],
        ]),
      () => cache.setIfAbsent(key, 1),
      () => cache.getAndSet(key, 1),
      () => cache.delete('a', key),
      () => cache.delete(['a', key]),
      () => cache.exists(key),
      () => cache.increment(key),
      () => cache.decrement(key),
      () => cache.expire(key, 1),
      () => cache.ttlMs(key),
      () => cache.getOrSet(key, async () => 1, { ttlMs: 1 }),
      () => cache.scripts.run(nothing, [key], []),
      () => cache.hashes.get(key, 'f'),
      () => cache.hashes.delete(key),
      () => cache.sets.add(key, 1),
      () => cache.sets.pop(key),
      () => cache.sortedSets.range(key),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', component: 'cache' });
    expect(asked(faults.calls)).toBe(0);
  });

  it('takes a key of exactly 64 KiB', async () => {
    const { cache } = await faultyCache({ keyPrefix: 'p:' });
    expect(await cache.set('ä'.repeat(32 * 1024), 1)).toBe(true);
  });

  it.each([0, -1, Number.NaN, -Infinity, '5s', null, 2 ** 60])(
    'a ttlMs of %p is INVALID_ARGUMENT',
    async (bad) => {
      const { cache, faults } = await faultyCache();
      const ttlMs = bad as number;
      for (const call of [
        () => cache.set('a', 1, { ttlMs }),
        () => cache.setMany([['a', 1]], { ttlMs }),
        () => cache.setIfAbsent('a', 1, { ttlMs }),
        () => cache.getAndSet('a', 1, { ttlMs }),
        () => cache.expire('a', ttlMs),
        () => cache.getOrSet('a', async () => 1, { ttlMs }),
        () => cache.getOrSet('a', async () => 1, { ttlMs: 1, negativeTtlMs: ttlMs }),
      ])
        await expect(call()).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining(String(bad)),
        });
      expect(asked(faults.calls)).toBe(0);
    },
  );

  it('refuses options that contradict each other or are none', async () => {
    const { cache, faults } = await faultyCache();
    for (const options of [
      { keepTtl: true, ttlMs: 1 },
      { ifAbsent: true, ifPresent: true },
      5000 as never,
      null as never,
    ])
      await expect(cache.set('a', 1, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(cache.getOrSet('a', async () => 1, {} as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(cache.getOrSet('a', 'value' as never, { ttlMs: 1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(cache.get('a', { timeoutMs: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(asked(faults.calls)).toBe(0);
  });

  it.each<[string, (cache: CacheProvider) => Promise<unknown>]>([
    ['entries must be a list or Map', (c) => c.setMany({ a: 1 } as never)],
    ['entries must be a list or Map', (c) => c.setMany(undefined as never)],
    ['an entry must be [key, value], got 5', (c) => c.setMany([['a', 1], 5] as never)],
    ['made by defineScript', (c) => c.scripts.run(undefined as never, ['a'], [])],
    ['made by defineScript', (c) => c.scripts.run({} as never, ['a'], [])],
    ['args of a script must be a list', (c) => c.scripts.run(nothing, ['a'], undefined as never)],
  ])('%s: INVALID_ARGUMENT, and nothing has happened', async (message, call) => {
    const { cache, faults } = await faultyCache();
    await expect(call(cache)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
    expect(asked(faults.calls)).toBe(0);
  });

  it.each([0.5, Number.NaN, Infinity, 2 ** 53, '1'])('refuses to count by %p', async (by) => {
    const { cache } = await faultyCache();
    await expect(cache.increment('a', by as number)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(cache.decrement('a', by as number)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each(Object.entries(ALL))('%s takes a signal that is none for INVALID_ARGUMENT', async (_name, call) => {
    const { cache, faults } = await faultyCache();
    const memory = await createCache({ driver: 'memory' }, { env: 'test' });
    for (const signal of ['text', null, {}])
      for (const each of [cache, memory])
        await expect(call(each, { signal: signal as never })).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(/^cache[.].*: signal must be an AbortSignal, got/),
        });
    expect(asked(faults.calls)).toBe(0);
    await expect(
      cache.getOrSet('a', async () => 1, { ttlMs: 1, signal: 'text' as never }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each<[string, object]>([
    ['staleMs must be finite milliseconds ≥ 0, got -1', { staleMs: -1 }],
    ['staleMs must be finite milliseconds ≥ 0, got "5s"', { staleMs: '5s' }],
    ['negativeTtlMs must be milliseconds > 0', { negativeTtlMs: -1 }],
    ['beta must be a finite number ≥ 0, got -1', { beta: -1 }],
  ])('%s: says what a load may take', async (message, options) => {
    const { cache } = await faultyCache();
    await expect(cache.getOrSet('a', async () => 1, { ttlMs: 1, ...options })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });

  it('refuses prefixes that are no texts', async () => {
    const { cache } = await faultyCache();
    await expect(cache.deleteByPrefix(undefined as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(drain(cache.scan(long))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(() => cache.namespace(5 as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

/** What is wrong, by what the message must name. */
const BAD_STRUCTURE_CALLS: readonly (readonly [string, (cache: CacheProvider) => Promise<unknown>])[] = [
  ['score must be a number, got NaN', (c) => c.sortedSets.add('a', [{ member: 1, score: Number.NaN }])],
  ['score must be a number, got "1"', (c) => c.sortedSets.add('a', [{ member: 1, score: '1' as never }])],
  ['{ member, score }', (c) => c.sortedSets.add('a', [1 as never])],
  ['entries must be a list', (c) => c.sortedSets.add('a', { member: 1, score: 1 } as never)],
  ['by must be a number, got NaN', (c) => c.sortedSets.incrementScore('a', 1, Number.NaN)],
  ['min must be a number, got NaN', (c) => c.sortedSets.count('a', Number.NaN, 1)],
  ['max must be a number', (c) => c.sortedSets.count('a', 1, undefined as never)],
  ['from must be a number, got NaN', (c) => c.sortedSets.range('a', { by: 'score', from: Number.NaN })],
  ['ranks must be whole numbers, got 0.5', (c) => c.sortedSets.range('a', { from: 0.5 })],
  ['ranks must be whole numbers, got Infinity', (c) => c.sortedSets.range('a', { to: Infinity })],
  ["'rank' or 'score'", (c) => c.sortedSets.range('a', { by: 'lex' as never })],
  ['limit must be a whole number', (c) => c.sortedSets.range('a', { limit: -1 })],
  ['must name from, to or both', (c) => c.sortedSets.removeRange('a', {})],
  ['must name from, to or both', (c) => c.sortedSets.removeRange('a', undefined as never)],
  ['cannot be encoded', (c) => c.sets.add('a', 1, 10n)],
  ['must not be undefined', (c) => c.sets.has('a', undefined)],
  ['must not be undefined', (c) => c.sortedSets.rank('a', undefined)],
  ['count must be a whole number', (c) => c.sets.pop('a', 1.5)],
  ['count must be a whole number', (c) => c.sets.pop('a', -1)],
  ['must not be undefined', (c) => c.hashes.set('a', 'f', undefined)],
  ['must not be undefined', (c) => c.hashes.setMany('a', { f: 1, g: undefined })],
  ['must be an object', (c) => c.hashes.setMany('a', [1] as never)],
  ['a field must be a text', (c) => c.hashes.get('a', 5 as never)],
  ['a field must be a text', (c) => c.hashes.exists('a', '\ud800')],
  ['fields must be a list', (c) => c.hashes.getMany('a', 'f' as never)],
  ['by must be a whole number', (c) => c.hashes.increment('a', 'f', 0.5)],
  ['options must be an object', (c) => c.hashes.set('a', 'f', 1, 5000 as never)],
  ['options must be an object', (c) => c.sets.add('a', [1], 5000 as never)],
];

describe('a bad argument for hashes, sets and sorted sets', () => {
  it.each(BAD_STRUCTURE_CALLS)('%s: INVALID_ARGUMENT, and nothing has happened', async (message, call) => {
    const { cache, faults } = await faultyCache();
    await expect(call(cache)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
    expect(asked(faults.calls)).toBe(0);
  });
});

describe('a ttl', () => {
  it('is defaultTtlMs where a write names none, and none for counters and structures', async () => {
    const { cache } = await faultyCache({ defaultTtlMs: 5000 });
    await cache.set('a', 1);
    await cache.setMany([['b', 1]]);
    await cache.setIfAbsent('c', 1);
    await cache.getAndSet('d', 1);
    await cache.set('e', 1, {});
    for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await cache.ttlMs(key)).toBe(5000);
    await cache.set('f', 1, { ttlMs: Infinity });
    await cache.increment('g');
    await cache.hashes.set('h', 'f', 1);
    await cache.sets.add('s', 1);
    await cache.sortedSets.incrementScore('z', 'm');
    for (const key of ['f', 'g', 'h', 's', 'z']) expect(await cache.ttlMs(key)).toBe(Infinity);
  });
});
