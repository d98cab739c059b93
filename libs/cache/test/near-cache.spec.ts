import { describe, expect, it } from '@jest/globals';
import { NearCache } from '../src/operations/near-cache.js';

interface Made {
  readonly cache: NearCache;
  /** Fetches a value: the ticket first, then the answer. */
  readonly keep: (key: string, leftMs?: number) => void;
  readonly has: (...keys: string[]) => boolean[];
  readonly pass: (ms: number) => void;
}

function made(limits: { maxEntries?: number; ttlMs?: number; trustMs?: number } = {}): Made {
  let now = 0;
  const cache = new NearCache(
    { maxEntries: 3, ttlMs: 1000, trustMs: 1e9, ...limits },
    {
      monotonic: () => now,
    },
  );
  cache.open(0);
  return {
    cache,
    keep: (key, leftMs = Infinity) => cache.put(cache.ticket(), key, { data: key, leftMs, sentAt: now }),
    has: (...keys) => keys.map((key) => cache.find(key) !== undefined),
    pass: (ms) => (now += ms),
  };
}
const found = (data: string): Parameters<NearCache['put']>[2] => ({ data, leftMs: Infinity, sentAt: 0 });

describe('what a near cache keeps', () => {
  it('is at most maxEntries, and the least recently used goes', () => {
    const { cache, keep, has } = made();
    for (const key of ['a', 'b', 'c']) keep(key);
    cache.find('a');
    keep('d');
    expect(has('a', 'b', 'c', 'd')).toEqual([true, false, true, true]);
    expect(cache.size).toBe(3);
    keep('d');
    keep('e');
    expect(has('a', 'c', 'd', 'e')).toEqual([false, true, true, true]);
  });

  it('outlives what is hardly used, however many there are', () => {
    const { keep, has } = made({ maxEntries: 100 });
    keep('used');
    for (let index = 0; index < 1000; index++) {
      keep(`k${index}`);
      if (index % 40 === 0) has('used');
    }
    expect(has('used', 'k999', 'k899')).toEqual([true, true, false]);
  });

  it('is given for ttlMs and no longer, counted from when it was asked for', () => {
    const { keep, has, pass } = made();
    keep('a');
    pass(999);
    expect(has('a')).toEqual([true]);
    pass(1);
    expect(has('a')).toEqual([false]);
  });

  it('is given no longer than the entry itself had left', () => {
    const { keep, has, pass } = made();
    keep('a', 10);
    keep('b', 0);
    pass(9);
    expect(has('a', 'b')).toEqual([true, false]);
    pass(1);
    expect(has('a')).toEqual([false]);
  });

  it('is not given when there was no proof for too long, as after the process stood still, and given after one', () => {
    const { cache, keep, has, pass } = made({ trustMs: 20, ttlMs: 1e6 });
    keep('a');
    pass(20);
    expect(has('a')).toEqual([false]);
    cache.prove(15);
    expect(has('a')).toEqual([true]);
  });

  it('is nothing while changes are not heard of', () => {
    const { cache, keep, has } = made();
    keep('a');
    cache.close();
    keep('b');
    expect(has('a', 'b')).toEqual([false, false]);
    cache.open(0);
    expect(has('a', 'b')).toEqual([false, false]);
    keep('c');
    expect(has('c')).toEqual([true]);
  });
});

describe('a change', () => {
  it('removes the value of its key and of no other', () => {
    const { cache, keep, has } = made();
    keep('a');
    keep('b');
    cache.changed('a');
    expect(has('a', 'b')).toEqual([false, true]);
  });

  it('that overtakes the value it belongs to wins', () => {
    const { cache, has } = made();
    const ticket = cache.ticket();
    cache.changed('a');
    cache.put(ticket, 'a', found('old'));
    cache.put(ticket, 'b', found('kept'));
    expect(has('a', 'b')).toEqual([false, true]);
  });

  it('would lose against a ticket taken when the value arrives (control)', () => {
    const { cache, has } = made();
    cache.changed('a');
    cache.put(cache.ticket(), 'a', found('old'));
    expect(has('a')).toEqual([true]);
  });

  it('that follows a fetch and its answer still removes the value', () => {
    const { cache, has } = made();
    cache.put(cache.ticket(), 'a', found('old'));
    cache.changed('a');
    expect(has('a')).toEqual([false]);
  });

  it('of all keys voids every fetch under way', () => {
    const { cache, keep, has } = made();
    keep('a');
    const ticket = cache.ticket();
    cache.empty();
    cache.put(ticket, 'b', found('old'));
    expect(has('a', 'b')).toEqual([false, false]);
  });

  it('voids a fetch also across a time in which changes were not heard of', () => {
    const { cache, has } = made();
    const before = cache.ticket();
    cache.close();
    const between = cache.ticket();
    cache.open(0);
    cache.put(before, 'a', found('old'));
    cache.put(between, 'b', found('old'));
    expect(has('a', 'b')).toEqual([false, false]);
  });

  it('is remembered for fetches under way without a bound being passed: many changes void them all', () => {
    const { cache, has } = made();
    const ticket = cache.ticket();
    cache.changed('a');
    for (let index = 0; index < 20_000; index++) cache.changed(`k${index}`);
    cache.put(ticket, 'a', found('old'));
    cache.put(ticket, 'b', found('old'));
    expect(has('a', 'b')).toEqual([false, false]);
    cache.put(cache.ticket(), 'c', found('new'));
    expect(has('c')).toEqual([true]);
  });
});
