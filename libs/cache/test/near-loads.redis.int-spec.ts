import { afterEach, describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { eventually } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { Held, HOUR, other } from './fixtures/fleet.js';
import { NEAR } from './fixtures/near-bench.js';

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
): Promise<{ look: () => Promise<unknown>; finish: () => Promise<unknown> }> {
  const [held, later] = [new Held(), other()];
  const first = cache.getOrSet('a', held.load, HOUR);
  await held.begun();
  await change();
  return {
    look: () => cache.getOrSet('a', later.load, { ...HOUR, timeoutMs: 500 }),
    finish: () => {
      held.finish('read before');
      return first;
    },
  };
}

describe('a near cache', () => {
  it('hears that another process deleted what is loading: later callers load anew, and that is kept', async () => {
    const [cache, writer] = await pair(NEAR);
    const { look, finish } = await during(cache, async () => {
      await writer.set('a', 'to be deleted');
      await writer.delete('a');
    });
    await eventually(async () => expect(await look()).toMatch(/^other/));
    const anew = await look();
    expect(await finish()).toBe('read before');
    expect(await writer.get('a')).toBe(anew);
  });

  it('takes what another process wrote meanwhile for newer than its load', async () => {
    const [cache, writer] = await pair(NEAR);
    const { look, finish } = await during(cache, () => writer.set('a', 'written'));
    await eventually(async () => expect(await look()).toBe('written'));
    expect(await finish()).toBe('read before');
    expect(await writer.get('a')).toBe('written');
  });

  it('is what it takes: without it the load overwrites (control)', async () => {
    const [cache, writer] = await pair(undefined);
    const { finish } = await during(cache, () => writer.set('a', 'written'));
    expect(await finish()).toBe('read before');
    expect(await writer.get('a')).toBe('read before');
  });
});
