import { describe, expect, it } from '@jest/globals';
import type { CacheProvider } from '@infra-kit/cache';
import { seededRandom } from '@infra-kit/kernel/testing';
import {
  bloomBytes,
  bloomDigest,
  bloomHead,
  bloomPositions,
  bloomShape,
  HEAD_BYTES,
  parseHead,
} from '../src/operations/bloom-filter.js';
import { asked } from './fixtures/every-call.js';
import { faultyCache } from './fixtures/faulty-cache.js';

const shapeOf = (capacity: number, errorRate: number): NonNullable<ReturnType<typeof bloomShape>> => {
  const shape = bloomShape(capacity, errorRate);
  if (shape === undefined) throw new Error('too large');
  return shape;
};

/** The share of strangers that filters filled to capacity take for members; any member that is not found throws. */
function measured(capacity: number, errorRate: number, filters: number, strangers: number): number {
  const { seed } = seededRandom();
  const { positions, bits } = shapeOf(capacity, errorRate);
  const places = (item: string): Iterable<number> => bloomPositions(bloomDigest(item), positions, bits);
  let wrong = 0;
  for (let filter = 0; filter < filters; filter++) {
    const set = new Uint8Array(bits);
    const holds = (item: string): boolean => {
      for (const place of places(item)) if (set[place] === 0) return false;
      return true;
    };
    const name = (what: string, index: number): string => `${seed}:${filter}:${what}:${index}`;
    for (let index = 0; index < capacity; index++)
      for (const place of places(name('member', index))) set[place] = 1;
    for (let index = 0; index < capacity; index++)
      if (!holds(name('member', index))) throw new Error(`a member is not found, seed ${seed}`);
    for (let index = 0; index < strangers; index++) if (holds(name('stranger', index))) wrong++;
  }
  return wrong / (filters * strangers);
}

describe('the arithmetic of a Bloom filter', () => {
  it.each([
    [1_000_000, 0.01, 9_585_059, 7],
    [1000, 0.001, 14_378, 10],
    [1, 0.5, 2, 1],
    [100, 0.9, 22, 1],
    [10, 1e-9, 432, 30],
  ])('for %d items at %d: the bits and positions of the textbook', (capacity, errorRate, bits, positions) => {
    expect(bloomShape(capacity, errorRate)).toEqual({ capacity, errorRate, bits, positions });
  });

  it.each([
    [20_000, 0.01, 1, 250_000],
    [5000, 0.1, 1, 40_000],
    [1000, 0.35, 4, 10_000],
    [100, 0.02, 100, 1500],
    [50, 0.004, 300, 2000],
  ])(
    'for %d items at %d: a measured rate of at most 1.1 times that, and no member missed',
    (capacity, errorRate, filters, strangers) => {
      const rate = measured(capacity, errorRate, filters, strangers);
      expect(rate).toBeLessThanOrEqual(errorRate * 1.1);
      expect(rate).toBeGreaterThan(errorRate * 0.75);
    },
    60_000,
  );

  it('is fixed for good: filters outlive releases', () => {
    const digest = bloomDigest('"item"');
    expect(digest).toBe('24c84f68bc1fbc6d2a514cdb8b3f50cc');
    expect([...bloomPositions(digest, 7, 9_585_059)]).toEqual([
      2026548, 8111042, 3625492, 4390693, 7019730, 736890, 8848327,
    ]);
    expect(bloomHead(shapeOf(1_000_000, 0.01))).toBe('bloom1 7 9585059 1000000 0.01'.padEnd(64));
  });

  it('keeps its parameters in a head of 64 bytes, whatever they are', () => {
    for (const [capacity, errorRate] of [
      [Number.MAX_SAFE_INTEGER, 1 - Number.EPSILON / 2],
      [1, Number.MIN_VALUE],
      [2_000_000, Math.PI * 1e-300],
    ] as const) {
      const shape = shapeOf(capacity, errorRate);
      expect(bloomHead(shape)).toHaveLength(HEAD_BYTES);
      expect(parseHead(bloomHead(shape))).toEqual(shape);
    }
    for (const text of ['', 'bloom1', 'bloom1 7 9', 'bloom1 7 x 1 1', 'bloom2 7 9 1 0.5', '"plain"'])
      expect(parseHead(text)).toBeUndefined();
  });

  it('fits a string of Redis exactly, or is refused', () => {
    const most = Math.floor(((2 ** 32 - 512) * Math.LN2 ** 2) / -Math.log(0.01));
    expect(bloomBytes(shapeOf(most, 0.01))).toBe(2 ** 29);
    expect(bloomShape(most + 1, 0.01)).toBeUndefined();
  });
});

const shape = { capacity: 10, errorRate: 0.1 };

describe('a bad argument for Bloom filters', () => {
  it.each<[string, (cache: CacheProvider) => Promise<unknown>]>([
    ['capacity must be a whole number', ({ blooms }) => blooms.reserve('a', { ...shape, capacity: 0 })],
    ['capacity must be a whole number', ({ blooms }) => blooms.reserve('a', { ...shape, capacity: 1.5 })],
    ['capacity must be a whole number', ({ blooms }) => blooms.reserve('a', {} as never)],
    ['capacity must be a whole number', ({ blooms }) => blooms.reserve('a', undefined as never)],
    ['errorRate must lie between', ({ blooms }) => blooms.reserve('a', { ...shape, errorRate: 0 })],
    ['errorRate must lie between', ({ blooms }) => blooms.reserve('a', { ...shape, errorRate: 1 })],
    ['errorRate must lie between', ({ blooms }) => blooms.reserve('a', { ...shape, errorRate: Number.NaN })],
    ['512 MiB', ({ blooms }) => blooms.reserve('a', { capacity: 1e9, errorRate: 0.01 })],
    ['must not be undefined', ({ blooms }) => blooms.add('a', undefined)],
    ['cannot be encoded', ({ blooms }) => blooms.has('a', 10n)],
    ['a key must not be empty', ({ blooms }) => blooms.has('', 1)],
  ])('%s: INVALID_ARGUMENT, and nothing has happened', async (message, call) => {
    const { cache, faults } = await faultyCache();
    await expect(call(cache)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
    expect(asked(faults.calls)).toBe(0);
  });

  it('is told in a sentence that says what to do', async () => {
    const { cache } = await faultyCache({}, { name: 'seen' });
    await expect(cache.blooms.add('a', 1)).rejects.toThrow(
      'cache(seen).blooms.add: key "a" holds no Bloom filter; call reserve(key, { capacity, errorRate }) first',
    );
    await cache.blooms.reserve('a', shape);
    await expect(cache.blooms.reserve('a', { capacity: 11, errorRate: 0.1 })).rejects.toThrow(
      'holds a Bloom filter for 10 items at 0.1; reserve the same, or delete it first',
    );
  });
});
