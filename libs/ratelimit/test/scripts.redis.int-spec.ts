import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { CacheDriver } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { compareTwins, type TwinCall } from '@infra-kit/cache/testing';
import { seededRandom, type SeededRandom } from '@infra-kit/kernel/testing';
import { sharedRedis } from '@infra-kit/testkit';
import type { RuleNumbers } from '../src/algorithms/algorithm.js';
import type { Check, Group, Op } from '../src/algorithms/decide.js';
import { decideScript, encodeCall } from '../src/scripts/decide.script.js';

/** Thousands of calls, one after another. */
const PATIENCE_MS = 180_000;

let server: CacheDriver;
beforeAll(async () => {
  server = redisDriver({ url: sharedRedis().url });
  await server.connect();
});
afterAll(() => server.close());

const rule = (
  kind: RuleNumbers['kind'],
  [a, b, c, d]: readonly number[],
  shadow: 0 | 1 = 0,
): RuleNumbers => ({
  kind,
  a: a ?? 0,
  b: b ?? 1,
  c: c ?? 0,
  d: d ?? 0,
  shadow,
});

/** Rules of a kind between which a key changes, as when its rule is changed while running. */
const RULES: Readonly<Record<string, readonly RuleNumbers[]>> = {
  b: [
    rule(0, [1, 1000, 10_000, 3_000_000]),
    rule(0, [3, 1_000_000, 10_500_000, 40_000_000]),
    rule(0, [1000, 1000, 30_000, 900]),
    rule(0, [7, 86_400_000_000, 86_400_000_000 * 4, 60_000_000], 1),
  ],
  w: [rule(1, [10_000, 1000]), rule(1, [3500, 60_000]), rule(1, [2000, 1], 1)],
  s: [rule(2, [3, 30_000_000]), rule(2, [5, 900_000]), rule(2, [1, 60_000_000], 1)],
};
const OPS: Readonly<Record<string, readonly Op[]>> = {
  b: [0, 0, 0, 1, 2, 3, 4, 4],
  w: [0, 0, 0, 0, 1, 2, 3],
  s: [0, 0, 1, 2, 3, 5, 5, 6],
};

/** Keys end in the letter of their algorithm. */
function anyCheck(random: SeededRandom, keys: readonly string[], op?: Op): Check {
  const key = random.pick(keys);
  const letter = key.at(-1) ?? 'b';
  return {
    key,
    op: op ?? random.pick(OPS[letter] ?? []),
    rule: random.pick(RULES[letter] ?? []),
    amount: random.pick([0, 0.5, 1, 1, 2, 3, 1.234, 20]),
    seq: random.int(0, 6),
    heldSeq: random.int(0, 6),
    rest: random.pick([0, 0.5, 1, 3]),
  };
}

function anyGroup(random: SeededRandom, keys: readonly string[]): Group {
  if (random.next() < 0.6) return [anyCheck(random, keys)];
  return Array.from({ length: random.int(2, 4) }, () => anyCheck(random, keys, random.pick([0, 0, 0, 1])));
}

describe('the Lua of a decision and its twin', () => {
  it(
    'give the same verdicts, states and expiry, whatever is asked in whatever order, by any course of the clock',
    async () => {
      const random = seededRandom();
      let now = 1_790_000_000_000_000;
      await compareTwins({
        script: decideScript,
        server,
        random,
        keys: ['one:b', 'two:b', 'one:w', 'one:s'],
        sequences: 30,
        steps: 60,
        next: (_random, keys): TwinCall => {
          // mostly on, now and then a leap, now and then back
          now += random.pick([
            0, 1, 333, 1000, 250_000, 900_000, 1_500_000, 61_000_000, -5000, -3_600_000_000,
          ]);
          const groups = Array.from({ length: random.int(1, 5) }, () => anyGroup(random, keys));
          return encodeCall(groups, random.pick(['aa', 'bb', 'cc']), now);
        },
      });
    },
    PATIENCE_MS,
  );

  it(
    'agree where every check is a take from a bucket, by rules that change, on accounts that others may have leases of',
    async () => {
      const random = seededRandom();
      let now = 1_790_000_000_000_000;
      await compareTwins({
        script: decideScript,
        server,
        random,
        keys: ['one:b', 'two:b', 'three:b'],
        sequences: 15,
        steps: 40,
        next: (_random, keys): TwinCall => {
          now += random.pick([0, 1, 333, 1000, 250_000, 1_500_000, 61_000_000, -5000]);
          const take = (): Group => [{ ...anyCheck(random, keys, 0), seq: 0 }];
          const other = (): Group => [anyCheck(random, keys, random.pick([0, 3, 4]))];
          const groups = Array.from({ length: random.int(1, 5) }, random.next() < 0.8 ? take : other);
          return encodeCall(groups, random.pick(['aa', 'bb']), now);
        },
      });
    },
    PATIENCE_MS,
  );

  it('take what is no state of theirs for none', async () => {
    const random = seededRandom();
    const texts = ['', 'x', 'b', 'w 1', 's one', 'b 1 2 3 4 5', '{"a":1}', 's'];
    await compareTwins({
      script: decideScript,
      server,
      random,
      keys: ['one:b', 'one:w', 'one:s'],
      sequences: 20,
      steps: 4,
      seed: () => random.pick(texts),
      next: (_random, keys) =>
        encodeCall(
          [[{ ...anyCheck(random, keys, 0), seq: random.pick([0, 1]) }]],
          'aa',
          1_790_000_000_000_000,
        ),
    });
  });
});
