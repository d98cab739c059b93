import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCache, defineScript, type CacheDriver } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { compareTwins, PATIENT } from '@infra-kit/cache/testing';
import { seededRandom, type SeededRandom } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { bloomBytes, bloomDigest, bloomHead, bloomShape } from '../src/operations/bloom-filter.js';
import { addToBloom, hasInBloom, reserveBloom } from '../src/operations/bloom-scripts.js';

const SHAPES = [
  [1, 0.5],
  [10, 0.1],
  [10, 0.11],
  [40, 1e-6],
].flatMap(([capacity = 1, errorRate = 0.5]) => bloomShape(capacity, errorRate) ?? []);

/** A filter without items, or something else. */
const seed = (random: SeededRandom): string | undefined => {
  const shape = random.pick(SHAPES);
  const empty = bloomHead(shape).padEnd(bloomBytes(shape), '\0');
  return random.pick([empty, empty, empty, undefined, 'text', '', 'bloom1 2 9 ']);
};
const digests = (random: SeededRandom): string[] =>
  Array.from({ length: random.int(0, 4) }, () => bloomDigest(`item ${random.int(0, 30)}`));

/** The bit commands of the view, chosen by the first argument. */
const bits = defineScript({
  name: 'bits',
  lua: `
local command, key, at, value = ARGV[1], KEYS[1], ARGV[2], ARGV[3]
if command == 'getRange' then return redis.call('GETRANGE', key, at, value) end
if command == 'setRange' then redis.call('SETRANGE', key, at, value) return 1 end
if command == 'getBit' then return redis.call('GETBIT', key, at) end
return redis.call('SETBIT', key, at, value)`,
  twin: (view, [key = ''], [command, place, value = '']) => {
    const at = Number(place);
    if (command === 'getRange') return view.getRange(key, at, Number(value));
    if (command === 'setRange') {
      view.setRange(key, at, value);
      return 1;
    }
    return command === 'getBit' ? view.getBit(key, at) : view.setBit(key, at, value === '1' ? 1 : 0);
  },
  decode: (reply) => reply,
});

describe('the scripts of a Bloom filter and their twins', () => {
  let server: CacheDriver;
  beforeAll(async () => {
    server = redisDriver({ ...PATIENT, url: sharedRedis().url });
    await server.connect();
  });
  afterAll(() => server.close());

  it.each([
    { script: addToBloom, args: digests },
    { script: hasInBloom, args: digests },
    {
      script: reserveBloom,
      args: (random: SeededRandom): string[] => {
        const shape = random.pick(SHAPES);
        return [bloomHead(shape), String(bloomBytes(shape))];
      },
    },
    {
      script: bits,
      args: (random: SeededRandom): string[] => [
        random.pick(['getRange', 'setRange', 'getBit', 'setBit']),
        String(random.int(0, 80)),
        String(random.int(0, 1)),
      ],
    },
  ])('answer equally, and leave equal stores: $script.name', ({ script, args }) =>
    compareTwins({
      script,
      server,
      random: seededRandom(),
      keys: ['a', 'b'],
      seed,
      next: (random, keys) => ({ keys: [random.pick(keys)], args: args(random) }),
    }),
  );

  it('are caught when they differ (control)', async () => {
    const other = { ...addToBloom, twin: hasInBloom.twin };
    const comparison = compareTwins({
      script: other,
      server,
      random: seededRandom(),
      keys: ['a'],
      seed,
      next: (random, keys) => ({ keys, args: digests(random) }),
    });
    await expect(comparison).rejects.toThrow(/(replies|entries) differ/);
  });
});

describe('a Bloom filter on Redis', () => {
  it('is one plain string: its shape, readable, and its bits', async () => {
    const keyPrefix = uniquePrefix('cache');
    const cache = await createCache({ ...PATIENT, url: sharedRedis().url, keyPrefix });
    const raw = cache.native as { call(...args: string[]): Promise<unknown> };
    await cache.blooms.reserve('seen', { capacity: 1000, errorRate: 0.01 });
    expect(await raw.call('TYPE', `${keyPrefix}seen`)).toBe('string');
    expect(await raw.call('STRLEN', `${keyPrefix}seen`)).toBe(64 + Math.ceil(9586 / 8));
    expect(await raw.call('GETRANGE', `${keyPrefix}seen`, '0', '25')).toBe('bloom1 7 9586 1000 0.01   ');
    await cache.blooms.add('seen', 'a');
    expect(await raw.call('BITCOUNT', `${keyPrefix}seen`, '64', '-1')).toBe(7);
    await cache.delete('seen');
    await cache.close();
  });
});
