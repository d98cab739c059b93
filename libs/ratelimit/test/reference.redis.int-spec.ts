import { afterAll, describe } from '@jest/globals';
import type { CacheDriver } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { seededRandom } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { decideScript, encodeCall } from '../src/scripts/decide.script.js';
import { referenceProperty } from './fixtures/reference-property.js';

describe('accounts in Redis', () => {
  let server: CacheDriver | undefined;
  afterAll(() => server?.close());
  referenceProperty(seededRandom, async () => {
    const driver = redisDriver({ url: sharedRedis().url });
    server = driver;
    await driver.connect();
    const prefix = uniquePrefix('reference');
    const call = { signal: new AbortController().signal };
    return {
      name: 'Redis',
      sequences: 25,
      keptMs: 900, // each lives for a second more than it means something
      ask: async (group, at) => {
        const own = group.map((check) => ({ ...check, key: prefix + check.key }));
        const { keys, args } = encodeCall([own], 'aa', at);
        return decideScript.decode(await driver.run(decideScript, keys, args, call));
      },
    };
  });
});
