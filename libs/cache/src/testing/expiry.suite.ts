import assert from 'node:assert/strict';
import { eventually } from '@infra-kit/kernel/testing';
import type { SuiteTest } from './suite-target.js';

/** Long enough for a slow machine to look before it is over, short enough to wait for. */
const SOON_MS = 60;
const LATER_MS = 60_000;

const between = (value: number | undefined, low: number, high: number): void =>
  assert.ok(value !== undefined && value > low && value <= high, `${value} is not in (${low}, ${high}]`);

export const expiryTests: Readonly<Record<string, SuiteTest>> = {
  async 'forgets an entry when its ttl is over'({ cache, key, passTime }) {
    await cache.set(key('a'), 1, { ttlMs: SOON_MS });
    await cache.setMany([[key('b'), 2]], { ttlMs: SOON_MS });
    await cache.setIfAbsent(key('c'), 3, { ttlMs: SOON_MS });
    await cache.getAndSet(key('d'), 4, { ttlMs: SOON_MS });
    await cache.set(key('e'), 5, { ttlMs: LATER_MS });
    await cache.expire(key('e'), SOON_MS);
    await passTime(SOON_MS);
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => key(name));
    await eventually(async () => assert.equal(await cache.exists(all), 0));
    assert.equal(await cache.get(key('a')), undefined);
    assert.equal(await cache.ttlMs(key('a')), undefined);
    assert.equal(await cache.delete(key('b')), 0);
    assert.equal(await cache.setIfAbsent(key('c'), 'anew'), true);
  },

  async 'tells the time that is left: Infinity without expiry, undefined without entry'({ cache, key }) {
    await cache.set(key('a'), 1, { ttlMs: LATER_MS });
    between(await cache.ttlMs(key('a')), 0, LATER_MS);
    await cache.set(key('b'), 1);
    assert.equal(await cache.ttlMs(key('b')), Infinity);
    assert.equal(await cache.ttlMs(key('x')), undefined);
  },

  async 'sets and takes away the expiry of what is there'({ cache, key }) {
    await cache.set(key('a'), 1);
    assert.equal(await cache.expire(key('a'), LATER_MS), true);
    between(await cache.ttlMs(key('a')), 0, LATER_MS);
    assert.equal(await cache.expire(key('a'), Infinity), true);
    assert.equal(await cache.ttlMs(key('a')), Infinity);
    assert.equal(await cache.expire(key('a'), Infinity), true);
    assert.equal(await cache.expire(key('x'), LATER_MS), false);
    assert.equal(await cache.expire(key('x'), Infinity), false);
  },

  async 'drops the expiry on a plain write and keeps it on keepTtl'({ cache, key }) {
    await cache.set(key('a'), 1, { ttlMs: LATER_MS });
    await cache.set(key('a'), 2, { keepTtl: true });
    between(await cache.ttlMs(key('a')), 0, LATER_MS);
    await cache.increment(key('a'));
    between(await cache.ttlMs(key('a')), 0, LATER_MS);
    await cache.set(key('a'), 3);
    assert.equal(await cache.ttlMs(key('a')), Infinity);
    assert.equal(await cache.set(key('b'), 1, { keepTtl: true }), true);
    assert.equal(await cache.ttlMs(key('b')), Infinity);
    assert.equal(await cache.set(key('x'), 1, { keepTtl: true, ifPresent: true }), false);
  },

  async 'takes ttls that are fractions or larger than any timer'({ cache, key }) {
    await cache.set(key('a'), 1, { ttlMs: 0.5 });
    await cache.set(key('b'), 1, { ttlMs: 2 ** 40 });
    between(await cache.ttlMs(key('b')), 2 ** 40 - LATER_MS, 2 ** 40);
    await cache.set(key('c'), 1, { ttlMs: Infinity });
    assert.equal(await cache.ttlMs(key('c')), Infinity);
  },
};
