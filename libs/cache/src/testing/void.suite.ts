import assert from 'node:assert/strict';
import { eventually } from '@infra-kit/kernel/testing';
import type { CacheProvider } from '../cache.provider.js';
import { isCode, type Bench, type SuiteTest } from './suite-target.js';

const LATER = { ttlMs: 60_000 };
const SHORT_MS = 80;

/** Makes an entry, of a value that would be a counter too, that is stored and no hit. */
type Voiding = (bench: Bench, key: string) => Promise<void>;

const byTag: Voiding = async ({ cache, key }, name) => {
  await cache.set(name, 5, { ...LATER, tags: [key('t')] });
  await cache.invalidateTags(key('t'));
};

const byTime: Voiding = async ({ cache, passTime }, name) => {
  await cache.getOrSet(name, async () => 5, { ttlMs: SHORT_MS, staleMs: 60_000, beta: 0 });
  await passTime(SHORT_MS);
  await eventually(async () => assert.equal(await cache.get(name), undefined));
};

/** Each against an entry that is void, by what it must do where there is none. */
const CALLS: Readonly<Record<string, (cache: CacheProvider, key: string) => Promise<void>>> = {
  async exists(cache, key) {
    await cache.set(`${key}:other`, 1);
    assert.equal(await cache.exists(key, `${key}:other`, key), 1);
  },
  async ttlMs(cache, key) {
    assert.equal(await cache.ttlMs(key), undefined);
  },
  async expire(cache, key) {
    for (const ttlMs of [1000, Infinity]) assert.equal(await cache.expire(key, ttlMs), false);
    assert.equal(await cache.get(key), undefined);
  },
  async setIfAbsent(cache, key) {
    assert.equal(await cache.setIfAbsent(key, 'mine'), true);
    assert.equal(await cache.setIfAbsent(key, 'other'), false);
    assert.equal(await cache.get(key), 'mine');
  },
  async 'set with ifAbsent and keepTtl'(cache, key) {
    assert.equal(await cache.set(key, 'mine', { ifAbsent: true, keepTtl: true }), true);
    assert.deepEqual([await cache.get(key), await cache.ttlMs(key)], ['mine', Infinity]);
  },
  async 'set with ifPresent'(cache, key) {
    assert.equal(await cache.set(key, 'mine', { ifPresent: true }), false);
    assert.equal(await cache.set(key, 'mine', { ifPresent: true, keepTtl: true }), false);
    assert.equal(await cache.get(key), undefined);
  },
  async 'set with keepTtl'(cache, key) {
    assert.equal(await cache.set(key, 'mine', { keepTtl: true }), true);
    assert.deepEqual([await cache.get(key), await cache.ttlMs(key)], ['mine', Infinity]);
  },
  async increment(cache, key) {
    assert.equal(await cache.increment(key, 3), 3);
    assert.deepEqual([await cache.get(key), await cache.ttlMs(key)], [3, Infinity]);
  },
  async getAndSet(cache, key) {
    assert.equal(await cache.getAndSet(key, 'mine'), undefined);
    assert.equal(await cache.getAndSet(key, 'other'), 'mine');
  },
};

const voidTest =
  (make: Voiding, call: (cache: CacheProvider, key: string) => Promise<void>): SuiteTest =>
  async (bench) => {
    if (!bench.driver.capabilities.scripts) return; // no tags, and nothing to take away what is stale by
    await make(bench, bench.key('a'));
    await call(bench.cache, bench.key('a'));
  };

const both: [string, SuiteTest][] = Object.entries(CALLS).flatMap(([name, call]) => [
  [`finds no entry where it is void by a tag: ${name}`, voidTest(byTag, call)],
  [`finds no entry where it is stale: ${name}`, voidTest(byTime, call)],
]);

export const voidTests: Readonly<Record<string, SuiteTest>> = {
  ...Object.fromEntries(both),

  'lets one of many callers take the place of a void entry': async (bench) => {
    if (!bench.driver.capabilities.scripts) return;
    const { cache, key } = bench;
    await byTag(bench, key('a'));
    const won = await Promise.all(Array.from({ length: 20 }, (_, by) => cache.setIfAbsent(key('a'), by)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(await cache.get(key('a')), won.indexOf(true));
    await byTag(bench, key('n'));
    await Promise.all(Array.from({ length: 20 }, () => cache.increment(key('n'))));
    assert.equal(await cache.get(key('n')), 20);
  },

  'finds a living entry whatever is kept beside its value, tags longer than a look included': async (
    bench,
  ) => {
    if (!bench.driver.capabilities.scripts) return;
    const { cache, key } = bench;
    const tags = Array.from({ length: 50 }, (_, index) => key(`tag ${index} ä€`));
    await cache.set(key('a'), 5, { ...LATER, tags });
    const left = await cache.ttlMs(key('a'));
    assert.ok(left !== undefined && left > 0 && left <= 60_000);
    assert.equal(await cache.exists(key('a')), 1);
    assert.equal(await cache.setIfAbsent(key('a'), 'mine'), false);
    assert.equal(await cache.increment(key('a'), 2), 7);
    assert.equal(await cache.set(key('b'), 1, { ifPresent: true }), false);
    assert.equal(await cache.set(key('a'), 8, { ifPresent: true, keepTtl: true, tags }), true);
    await cache.invalidateTags(tags.slice(-1));
    assert.equal(await cache.exists(key('a')), 0);
    assert.equal(await cache.increment(key('a')), 1);
  },

  'counts on a loaded value as on any other, and keeps its times and tags': async (bench) => {
    if (!bench.driver.capabilities.scripts) return;
    const { cache, key } = bench;
    const load = { ttlMs: 60_000, staleMs: 60_000, tags: [key('t')] };
    await cache.getOrSet(key('a'), async () => 41, load);
    assert.equal(await cache.increment(key('a')), 42);
    const left = await cache.ttlMs(key('a'));
    assert.ok(
      left !== undefined && left > 0 && left <= 60_000,
      `${left} ms are left, without the stale time`,
    );
    await cache.getOrSet(key('b'), async () => 'text', load);
    await assert.rejects(cache.increment(key('b')), isCode('FAILED_PRECONDITION'));
    await cache.getOrSet(key('c'), async () => Number.MAX_SAFE_INTEGER, load);
    await assert.rejects(cache.increment(key('c')), isCode('DATA_LOSS'));
    assert.equal(await cache.get(key('c')), Number.MAX_SAFE_INTEGER);
    await cache.invalidateTags(key('t'));
    assert.equal(await cache.get(key('a')), undefined);
  },

  'expires what has a stale time when it is told to, and keeps that time behind it': async (bench) => {
    const { cache, driver, key, passTime } = bench;
    if (!driver.capabilities.scripts) return;
    const load = { ttlMs: 30_000, staleMs: 60_000, beta: 0 };
    await cache.getOrSet(key('a'), async () => 'old', load);
    assert.equal(await cache.expire(key('a'), 20_000), true);
    assert.equal(await cache.get(key('a')), 'old');
    await cache.set(key('a'), 'kept', { keepTtl: true });
    const left = await cache.ttlMs(key('a'));
    assert.ok(left !== undefined && left > 0 && left <= 20_000, `${left} ms are left`);
    await cache.getOrSet(key('b'), async () => 'old', load);
    assert.equal(await cache.expire(key('b'), SHORT_MS), true);
    await passTime(SHORT_MS);
    await eventually(async () => assert.equal(await cache.exists(key('b')), 0));
    assert.equal(await cache.getOrSet(key('b'), async () => 'new', load), 'old');
  },
};
