import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { defineScript, type AtomicScript, type CacheDriver } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { compareTwins } from '@infra-kit/cache/testing';
import { seededRandom, type SeededRandom } from '@infra-kit/kernel/testing';
import { sharedRedis } from '@infra-kit/testkit';
import {
  claimScript,
  clearScript,
  completeScript,
  readScript,
  releaseScript,
  renewScript,
} from '../src/scripts/once.scripts.js';

let server: CacheDriver;
beforeAll(async () => {
  server = redisDriver({ url: sharedRedis().url });
  await server.connect();
});
afterAll(() => server.close());

const NOW_US = 1_790_000_000_000_000;
const FENCES = ['7', '8', String(NOW_US), String(NOW_US + 1), String(NOW_US + 5)];
const OWNERS = ['a', 'b'];

/** A record, a counter, or nothing: each key of a pair holds any of them. */
const seed = (random: SeededRandom): string | undefined =>
  random.pick([
    undefined,
    random.pick(FENCES),
    `r ${random.pick(FENCES)} 1790000000000 ${random.pick(OWNERS)} -`,
    `d ${random.pick(FENCES)} 1790000000000 1790000000001 fp v{"ä":" x"}`,
  ]);

const ARGS: Readonly<Record<string, (random: SeededRandom) => string[]>> = {
  'once-claim': (random) => ['30000', random.pick(OWNERS), random.pick(['-', 'fp'])],
  'once-renew': (random) => [random.pick(FENCES), '30000', '1790000000000', random.pick(OWNERS), '-'],
  'once-complete': (random) => [
    random.pick(FENCES),
    '60000',
    '1790000000000',
    'fp',
    random.pick(['u', 'v" x"']),
  ],
  'once-release': (random) => [random.pick(OWNERS)],
  'once-clear': () => [],
  'once-read': () => [],
};

/** What is left of a ttl is compared by the harness, with some slack; here it would differ by a millisecond. */
const withoutTtl = (script: AtomicScript<unknown>): AtomicScript<unknown> =>
  defineScript({
    ...script,
    lua: script.lua.replace("redis.call('PTTL', KEYS[1])", '0'),
    twin: (view, ...rest) => script.twin({ ...view, ttlMs: () => 0 }, ...rest),
  });

describe('a script on Redis and its twin', () => {
  const scripts: AtomicScript<unknown>[] = [
    claimScript,
    renewScript,
    completeScript,
    releaseScript,
    clearScript,
    readScript,
  ];
  it.each(scripts.map((script) => [script.name, script] as const))(
    'answer alike: %s',
    async (name, script) => {
      const random = seededRandom();
      await compareTwins({
        script: withoutTtl(script),
        server,
        random,
        seed,
        keys: ['record', 'counter'],
        sequences: 60,
        steps: 4,
        next: (any, keys) => ({
          keys,
          args: [...(ARGS[name]?.(any) ?? []), String(NOW_US + any.int(-3, 3))],
        }),
      });
    },
  );
});
