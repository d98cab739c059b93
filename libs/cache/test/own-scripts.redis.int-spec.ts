import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { defineScript, type AtomicScript, type CacheDriver } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { compareTwins } from '@infra-kit/cache/testing';
import { seededRandom, type SeededRandom } from '@infra-kit/kernel/testing';
import { sharedRedis } from '@infra-kit/testkit';
import { addToEntry, touchEntry } from '../src/operations/entry-scripts.js';
import { claimLease, freeLease, renewLease } from '../src/operations/lease-scripts.js';
import { acquireLock, leaveLock, renewLock } from '../src/operations/lock-scripts.js';
import { ensureTag } from '../src/operations/tag-versions.js';

const OWNERS = ['o1', 'o2', 'o3'];
const WAITERS = ['', 'w1', 'w2', 'w3'];
/** A time of day that never comes. */
const FAR = '99999999999999';

/**
 * The same script, with what depends on the moment cut off replies and records: two clocks never read the same.
 * A remaining time becomes 1, a time of day 9, a token its length.
 */
function still(script: AtomicScript<unknown>): AtomicScript<unknown> {
  return defineScript({
    name: script.name,
    lua: `
local function run() ${script.lua} end
local reply = run()
local record = redis.call('GET', KEYS[1])
if record then redis.call('SET', KEYS[1], (string.gsub(record, '%d%d%d%d%d%d%d%d%d+', '9')), 'KEEPTTL') end
if type(reply) == 'string' then return #reply end
if type(reply) == 'number' then return math.min(reply, 1) end
if type(reply) == 'table' then return {math.min(reply[1], 1), reply[2]} end
return reply`,
    twin: (view, keys, args) => {
      const reply = script.twin(view, keys, args);
      const [key = ''] = keys;
      const record = view.get(key);
      if (record !== undefined) view.set(key, record.replaceAll(/\d{9,}/g, '9'), { keepTtl: true });
      if (typeof reply === 'string') return reply.length;
      if (typeof reply === 'number') return Math.min(reply, 1);
      if (reply === null) return reply;
      return [Math.min(Number(reply[0]), 1), Number(reply[1])];
    },
    decode: (reply) => reply,
  });
}

interface Play {
  readonly script: AtomicScript<unknown>;
  readonly seeds: readonly (string | undefined)[];
  readonly args: (random: SeededRandom) => readonly string[];
}

const LOCKS = [
  undefined,
  `5 o1 ${FAR}`,
  `5 o1 ${FAR}|w1,${FAR}|w2,${FAR}`,
  `5 - 0|w2,${FAR}|w1,0|w3,${FAR}`,
  `5 o2 1|w1,${FAR}`,
  '5 - 0',
];
const NUMBERS = [
  '0',
  '-7',
  '41',
  '007',
  '-0',
  '1.5',
  '',
  'x',
  '9007199254740990',
  '-9007199254740991',
  '12345678901234567',
];
const PLAYS: readonly Play[] = [
  { script: claimLease, seeds: [undefined, ...OWNERS], args: (random) => [random.pick(OWNERS), '60000'] },
  { script: renewLease, seeds: [undefined, ...OWNERS], args: (random) => [random.pick(OWNERS), '60000'] },
  { script: freeLease, seeds: [undefined, ...OWNERS], args: (random) => [random.pick(OWNERS)] },
  {
    script: ensureTag,
    seeds: [undefined, ...OWNERS],
    args: (random) => [random.pick(OWNERS), String(random.int(1, 9) * 60_000)],
  },
  {
    script: acquireLock,
    seeds: LOCKS,
    args: (random) => [random.pick(OWNERS), '60000', '3000', random.pick(WAITERS)],
  },
  { script: renewLock, seeds: LOCKS, args: (random) => [random.pick(OWNERS), '60000', '7'] },
  {
    script: touchEntry,
    seeds: [undefined, 'ä1\n5', 'ä2\n5', 'ä'],
    args: (random) => ['ä1\n', random.pick(['', '0', '100000']), random.pick(['0', '60000', '120000'])],
  },
  {
    script: addToEntry,
    seeds: [undefined, 'ä2\n5', ...NUMBERS.map((number) => `ä1\n${number}`)],
    args: (random) => ['ä1\n', random.pick(['1', '-1', '0', '7000'])],
  },
  { script: leaveLock, seeds: LOCKS, args: (random) => [random.pick(OWNERS), '3000', random.pick(WAITERS)] },
];

describe('a script of the cache and its twin', () => {
  let server: CacheDriver;
  beforeAll(async () => {
    server = redisDriver({ url: sharedRedis().url });
    await server.connect();
  });
  afterAll(() => server.close());

  it.each(PLAYS.map((play) => [play.script.name, play] as const))(
    'answer and write equally: %s',
    (_name, { script, seeds, args }) =>
      compareTwins({
        script: still(script),
        server,
        random: seededRandom(),
        keys: ['a'],
        seed: (random) => random.pick(seeds),
        next: (random, keys) => ({ keys, args: args(random) }),
        sequences: 30,
        steps: 4,
      }),
  );
});
