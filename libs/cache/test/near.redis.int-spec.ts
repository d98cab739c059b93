import { afterEach, describe, expect, it } from '@jest/globals';
import { createCache, type CacheOptions, type CacheProvider } from '@infra-kit/cache';
import { eventually } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';

const open: CacheProvider[] = [];
afterEach(() => Promise.all(open.splice(0).map((cache) => cache.close())));
const NEAR = { maxEntries: 100, ttlMs: 60_000 };

async function connect(options: CacheOptions = {}): Promise<CacheProvider> {
  const cache = await createCache({ url: sharedRedis().url, ...options }, { env: 'test' });
  open.push(cache);
  return cache;
}

describe('the near cache', () => {
  it('serves', async () => {
    const keyPrefix = uniquePrefix('near');
    const one = await connect({ keyPrefix, near: NEAR });
    const two = await connect({ keyPrefix });
    await one.set('a', { n: 1 }, { ttlMs: 60000 });
    await new Promise((r) => setTimeout(r, 100));
    const first = await one.get('a');
    expect(await one.get('a')).toEqual(first);
    expect(await one.get('a')).toBe(await one.get('a'));
    console.log(await one.health());
    await two.set('a', { n: 2 });
    await eventually(async () => expect(await one.get('a')).toEqual({ n: 2 }));
    await new Promise((r) => setTimeout(r, 3000));
    expect(await one.get('a')).toEqual({ n: 2 });
    expect(await one.get('a')).toBe(await one.get('a'));
    console.log(await one.health());
  });
});
