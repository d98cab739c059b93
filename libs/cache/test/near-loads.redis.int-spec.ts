import { afterEach, describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { eventually } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { NEAR } from './fixtures/near-bench.js';

const HOUR = { ttlMs: 3_600_000 };
const open: CacheProvider[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((cache) => cache.close()))));

/** Two processes' views of the same keys. */
async function pair(near: typeof NEAR | undefined): Promise<[CacheProvider, CacheProvider]> {
  const keyPrefix = uniquePrefix('near-loads');
  const [cache, other] = await Promise.all(
    [near, undefined].map((level) =>
      createCache({ ...PATIENT, url: sharedRedis().url, keyPrefix, near: level }, { env: 'test' }),
    ),
  );
  if (cache === undefined || other === undefined) throw new Error('not made');
  open.push(cache, other);
  return [cache, other];
}

/** Has a load begun, and another process `change` the key meanwhile; a look is a caller who asks after that. */
async function during(
  cache: CacheProvider,
  change: () => Promise<unknown>,
): Promise<{ look: () => Promise<string>; loads: () => number; finish: () => Promise<string> }> {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<string>();
  let loads = 0;
  const load = async (): Promise<string> => {
    if (++loads > 1) return 'read after';
    begun.resolve();
    return gate.promise;
  };
  const first = cache.getOrSet('a', load, HOUR);
  await begun.promise;
  await change();
  return {
    look: () => cache.getOrSet('a', load, { ...HOUR, timeoutMs: 100 }),
    loads: () => loads,
    finish: () => {
      gate.resolve('read before');
      return first;
    },
  };
}

describe('a near cache', () => {
  it('hears that another process deleted what is loading: later callers load anew, and that is kept', async () => {
    const [cache, other] = await pair(NEAR);
    const { look, loads, finish } = await during(cache, async () => {
      await other.set('a', 'to be deleted');
      await other.delete('a');
    });
    await eventually(async () => expect(await look()).toBe('read after'));
    expect(loads()).toBe(2);
    expect(await finish()).toBe('read before');
    expect(await other.get('a')).toBe('read after');
  });

  it('takes what another process wrote meanwhile for newer than its load', async () => {
    const [cache, other] = await pair(NEAR);
    const { look, finish } = await during(cache, () => other.set('a', 'written'));
    await eventually(async () => expect(await look()).toBe('written'));
    expect(await finish()).toBe('read before');
    expect(await other.get('a')).toBe('written');
  });

  it('is what it takes: without it the load overwrites (control)', async () => {
    const [cache, other] = await pair(undefined);
    const { finish } = await during(cache, () => other.set('a', 'written'));
    expect(await finish()).toBe('read before');
    expect(await other.get('a')).toBe('read before');
  });
});
