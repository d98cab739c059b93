import { describe, expect, it } from '@jest/globals';
import type { CacheProvider } from '@infra-kit/cache';
import { eventually } from '@infra-kit/kernel/testing';
import { faultyCache } from './fixtures/faulty-cache.js';

const HOUR = { ttlMs: 3_600_000 };
const refused = (key: string): object => ({
  code: 'FAILED_PRECONDITION',
  message: expect.stringMatching(
    `getOrSet: the loader of .* asks for key "${key}", which waits for that very`,
  ),
});

describe('a loader', () => {
  it.each<[string, (cache: CacheProvider) => Promise<unknown>]>([
    ['at once', (cache) => cache.getOrSet('a', async () => 1, HOUR)],
    ['through a namespace', (cache) => cache.namespace('a').getOrSet('a', async () => 1, HOUR)],
    [
      'after awaiting something',
      async (cache) => (await cache.ping(), cache.getOrSet('a', async () => 1, HOUR)),
    ],
    [
      'through the loader of another key',
      (cache) => cache.getOrSet('b', () => cache.getOrSet('a', async () => 1, HOUR), HOUR),
    ],
  ])('that asks for its own key is told so, and waits for nothing: %s', async (how, ask) => {
    const { cache } = await faultyCache();
    const key = how === 'through a namespace' ? 'aa' : 'a';
    const call = cache.getOrSet(key, () => ask(cache), HOUR);
    await expect(call).rejects.toMatchObject(refused('a'));
    expect(await cache.getOrSet(key, async () => 'anew', HOUR)).toBe('anew');
  });

  it('is told so in a ring of loads that different callers began', async () => {
    const { cache } = await faultyCache();
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const asking = async (mine: number, key: string): Promise<unknown> => {
      begun[mine]?.resolve();
      await Promise.all(begun.map(({ promise }) => promise));
      return cache.getOrSet(key, async () => 'never asked', HOUR);
    };
    const calls = await Promise.allSettled([
      cache.getOrSet('a', () => asking(0, 'b'), HOUR),
      cache.getOrSet('b', () => asking(1, 'a'), HOUR),
    ]);
    for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason: refused('a') });
  });

  it('may ask for other keys, one that another loader asks for at the same time included', async () => {
    const { cache } = await faultyCache();
    const gate = Promise.withResolvers<string>();
    let loads = 0;
    const shared = (): Promise<string> => cache.getOrSet('c', () => (loads++, gate.promise), HOUR);
    const calls = [cache.getOrSet('a', shared, HOUR), cache.getOrSet('b', shared, HOUR)];
    await eventually(() => expect(loads).toBe(1));
    gate.resolve('c');
    expect(await Promise.all(calls)).toEqual(['c', 'c']);
    expect(loads).toBe(1);
  });

  it('of a refresh in the background is told so too', async () => {
    const { cache, clock } = await faultyCache();
    const options = { ttlMs: 1000, staleMs: 10_000, beta: 0 };
    await cache.getOrSet('a', async () => 'old', options);
    await clock.advance(1000);
    let told: unknown;
    const asking = (): Promise<unknown> =>
      cache.getOrSet('a', async () => 1, options).catch((error: unknown) => (told = error));
    expect(await cache.getOrSet('a', asking, options)).toBe('old');
    await eventually(() => expect(told).toMatchObject(refused('a')));
  });
});
