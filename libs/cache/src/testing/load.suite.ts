import assert from 'node:assert/strict';
import { eventually } from '@infra-kit/kernel/testing';
import { ANY_TIME, type SuiteTest } from './suite-target.js';

export const loadTests: Readonly<Record<string, SuiteTest>> = {
  async 'loads once for many callers of one cold key, and serves it from then on'({ cache, key }) {
    let loads = 0;
    const load = async (): Promise<{ n: number }> => ({ n: ++loads });
    const values = await Promise.all(
      Array.from({ length: 100 }, () => cache.getOrSet(key('a'), load, { ttlMs: 60_000 })),
    );
    assert.equal(loads, 1);
    assert.ok(values.every(({ n }) => n === 1));
    assert.deepEqual(await cache.getOrSet(key('a'), load, { ttlMs: 60_000 }), { n: 1 });
    assert.deepEqual(await cache.get(key('a')), { n: 1 });
    const left = await cache.ttlMs(key('a'));
    assert.ok(left !== undefined && left > 0 && left <= 60_000);
  },

  async 'loads again when the value has expired'({ cache, key, passTime }) {
    let loads = 0;
    const get = (): Promise<number> => cache.getOrSet(key('a'), async () => ++loads, { ttlMs: 60 });
    assert.equal(await get(), 1);
    await passTime(60);
    await eventually(async () => assert.equal(await get(), 2));
  },

  async 'loads and overwrites where the stored value does not decode'({ cache, driver, key, stored }) {
    await driver.set(stored(key('a')), '{"cut', { ttlMs: undefined }, ANY_TIME);
    assert.equal(await cache.getOrSet(key('a'), async () => 'loaded', { ttlMs: 60_000 }), 'loaded');
    assert.equal(await cache.get(key('a')), 'loaded');
  },

  async 'keeps null, and nothing of a loader that threw'({ cache, key }) {
    assert.equal(await cache.getOrSet(key('a'), async () => null, { ttlMs: 60_000 }), null);
    assert.equal(await cache.getOrSet(key('a'), async () => 'never', { ttlMs: 60_000 }), null);
    const mishap = new Error('mishap');
    await assert.rejects(
      cache.getOrSet(key('b'), () => Promise.reject(mishap), { ttlMs: 60_000 }),
      (error) => error === mishap,
    );
    assert.equal(await cache.exists(key('b')), 0);
  },
};
