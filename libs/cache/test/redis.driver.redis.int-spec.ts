import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCache, defineScript, type CacheDriver } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { cacheDriverSuite, compareTwins, PATIENT } from '@infra-kit/cache/testing';
import { seededRandom, type SeededRandom } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';

cacheDriverSuite(
  { describe, it },
  { name: 'Redis', open: () => redisDriver({ ...PATIENT, url: sharedRedis().url }) },
);
cacheDriverSuite(
  { describe, it },
  {
    name: 'Redis by three connections',
    open: () => redisDriver({ ...PATIENT, url: sharedRedis().url, poolSize: 3 }),
  },
);
cacheDriverSuite(
  { describe, it },
  {
    name: 'Redis behind a near cache',
    open: () => redisDriver({ ...PATIENT, url: sharedRedis().url }),
    options: { near: { maxEntries: 100, ttlMs: 60_000 } },
  },
);

/** Every command a script may call, chosen by its first argument. */
const anything = defineScript({
  name: 'anything',
  lua: `
local command, key, value = ARGV[1], KEYS[1], ARGV[2]
if command == 'get' then return redis.call('GET', key) end
if command == 'set' then redis.call('SET', key, value) return 1 end
if command == 'setPx' then redis.call('SET', key, value, 'PX', ARGV[3]) return 1 end
if command == 'setKeep' then redis.call('SET', key, value, 'KEEPTTL') return 1 end
if command == 'delete' then return redis.call('DEL', key) end
if command == 'exists' then return redis.call('EXISTS', key, KEYS[2]) end
if command == 'increment' then return redis.call('INCRBY', key, value) end
if command == 'expire' then return redis.call('PEXPIRE', key, ARGV[3]) end
if command == 'ttl' then local left = redis.call('PTTL', key) if left > 0 then return 1 end return left end
return {tonumber(value) / 3, redis.call('GET', KEYS[2]), {}}`,
  twin: (view, [key = '', other = ''], [command, value = '', ms]) => {
    switch (command) {
      case 'get':
        return view.get(key) ?? null;
      case 'set':
        view.set(key, value);
        return 1;
      case 'setPx':
        view.set(key, value, { ttlMs: Number(ms) });
        return 1;
      case 'setKeep':
        view.set(key, value, { keepTtl: true });
        return 1;
      case 'delete':
        return view.delete(key) ? 1 : 0;
      case 'exists':
        return Number(view.exists(key)) + Number(view.exists(other));
      case 'increment':
        return view.increment(key, Number(value));
      case 'expire':
        return view.expire(key, Number(ms)) ? 1 : 0;
      case 'ttl': {
        const left = view.ttlMs(key);
        return left === undefined ? -2 : left === Infinity ? -1 : 1;
      }
      default:
        return [Number(value) / 3, view.get(other) ?? null, []];
    }
  },
  decode: (reply) => reply,
});

const COMMANDS = [
  'get',
  'set',
  'setPx',
  'setKeep',
  'delete',
  'exists',
  'increment',
  'expire',
  'ttl',
  'mixed',
];

const anyCall = (random: SeededRandom, keys: readonly string[]): { keys: string[]; args: string[] } => ({
  keys: [random.pick(keys), random.pick(keys)],
  args: [
    random.pick(COMMANDS),
    String(random.int(-1000, 1000)),
    String(random.pick([60_000, 120_000, 3_600_000, 0, -1])),
  ],
});

describe('a script and its twin', () => {
  let server: CacheDriver;
  beforeAll(async () => {
    server = redisDriver({ ...PATIENT, url: sharedRedis().url });
    await server.connect();
  });
  afterAll(() => server.close());

  const comparison = (script: typeof anything): Parameters<typeof compareTwins>[0] => ({
    script,
    server,
    random: seededRandom(),
    keys: ['a', 'b', 'c'],
    next: anyCall,
    seed: (random) => random.pick([undefined, 'text', '7', '9007199254740991', '-0', '007']),
  });

  it('answer equally, and leave equal stores, through the same random calls', () =>
    compareTwins(comparison(anything)));

  it('are caught when they differ (control)', async () => {
    const wrong = {
      ...anything,
      twin: (...all: Parameters<typeof anything.twin>) =>
        all[2][0] === 'exists' ? 0 : anything.twin(...all),
    };
    await expect(compareTwins(comparison(wrong))).rejects.toThrow(/replies differ/);
    const forgetful = {
      ...anything,
      twin: (...all: Parameters<typeof anything.twin>) => {
        const [view, keys, args] = all;
        return args[0] === 'setKeep'
          ? (view.set(keys[0] ?? '', args[1] ?? ''), 1)
          : anything.twin(view, keys, args);
      },
    };
    await expect(compareTwins(comparison(forgetful))).rejects.toThrow(/expiry differs/);
  });
});

describe('the Redis driver', () => {
  it('shares one driver object among caches, and neither closes it', async () => {
    const driver = redisDriver({ url: sharedRedis().url });
    const keyPrefix = uniquePrefix('cache');
    const [one, two] = [await createCache({ driver, keyPrefix }), await createCache({ driver, keyPrefix })];
    await one.set('a', 1, { ttlMs: 60_000 });
    await one.close();
    expect(await two.get('a')).toBe(1);
    await two.close();
    await driver.ping({ signal: new AbortController().signal });
    await driver.close();
  });

  it('tells a mistaken entry from a lost one: WRONGTYPE is FAILED_PRECONDITION', async () => {
    const keyPrefix = uniquePrefix('cache');
    const cache = await createCache({ ...PATIENT, url: sharedRedis().url, keyPrefix });
    const raw = cache.native as { hset(...args: unknown[]): Promise<unknown> };
    await raw.hset(`${keyPrefix}hash`, 'field', 1);
    await expect(cache.get('hash')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      component: 'cache',
    });
    await cache.delete('hash');
    await cache.close();
  });

  it('names its connections, so that CLIENT LIST shows who they belong to', async () => {
    const cache = await createCache({ ...PATIENT, url: sharedRedis().url }, { name: 'sessions' });
    const raw = cache.native as { client(...args: unknown[]): Promise<string> };
    expect(await raw.client('GETNAME')).toBe('infra-kit:cache:sessions');
    await cache.close();
  });
});
