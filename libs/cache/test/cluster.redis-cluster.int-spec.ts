import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { createCache, defineScript, type CacheProvider } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { cacheDriverSuite, PATIENT } from '@infra-kit/cache/testing';
import { sharedRedisCluster, uniquePrefix } from '@infra-kit/testkit';
import { hashSlot } from '../src/drivers/redis/hash-slot.js';

const nodes = (): { host: string; port: number }[] =>
  sharedRedisCluster().nodes.map(({ host, port }) => ({ host, port }));

cacheDriverSuite(
  { describe, it },
  { name: 'Redis Cluster', open: () => redisDriver({ ...PATIENT, clusterNodes: nodes() }) },
);
cacheDriverSuite(
  { describe, it },
  {
    name: 'Redis Cluster, known by one node, with two connections to each',
    open: () => redisDriver({ ...PATIENT, clusterNodes: nodes().slice(1, 2), poolSize: 2 }),
  },
);

/** In the shares of the first, second and third master. */
const APART = ['b', 'c', 'a'] as const;

describe('a cache on a cluster', () => {
  let cache: CacheProvider;
  let raw: Cluster;
  beforeAll(async () => {
    cache = await createCache({ ...PATIENT, clusterNodes: nodes() }, { env: 'test' });
    raw = new Cluster(nodes());
  });
  afterAll(async () => {
    await cache.close();
    raw.disconnect();
  });

  it('splits calls of many keys by hash slot, and puts the answers in their order', async () => {
    const prefix = uniquePrefix('cluster');
    const keys = Array.from({ length: 200 }, (_, index) => `${prefix}${index}`);
    await cache.setMany(keys.map((key, index) => [key, index]));
    const asked = [...keys, `${prefix}none`, `${prefix}7`].toReversed();
    const expected = [...keys.keys(), undefined, 7].toReversed();
    expect(await cache.getMany(asked)).toEqual(expected);
    expect(await cache.exists(asked)).toBe(201);
    expect(await cache.delete(asked)).toBe(200);
  });

  it('finds, by a scan, what lies on every master', async () => {
    const prefix = uniquePrefix('cluster');
    const keys = Array.from({ length: 3000 }, (_, index) => `${prefix}${index}`);
    await cache.setMany(keys.map((key) => [key, 1]));
    const found = new Set<string>();
    for await (const key of cache.scan(prefix)) found.add(key);
    expect(found).toEqual(new Set(keys));
    expect(await cache.deleteByPrefix(prefix)).toBe(3000);
  });

  it('refuses a script whose keys lie apart, in a sentence that names the fix, and runs it where they lie together', async () => {
    const add = defineScript({
      name: 'add-two',
      lua: `return redis.call('INCRBY', KEYS[1], 1) + redis.call('INCRBY', KEYS[2], 1)`,
      twin: (view, [one = '', two = '']) => view.increment(one, 1) + view.increment(two, 1),
      decode: Number,
    });
    await expect(cache.scripts.run(add, [APART[0], APART[1]], [])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('give them the same hash tag, such as {user:7}:a and {user:7}:b'),
    });
    const tag = uniquePrefix('cluster');
    expect(await cache.scripts.run(add, [`{${tag}}:a`, `{${tag}}:b`], [])).toBe(2);
    expect(await cache.delete(`{${tag}}:a`, `{${tag}}:b`)).toBe(2);
  });

  it('computes hash slots as Redis does, tags included', async () => {
    const keys = [
      '',
      'a',
      '123456789',
      'ä€😀',
      '{user:7}:a',
      'x{user:7}',
      '{}a',
      'a{}{b}',
      '{{b}}',
      '{b',
      'b}',
      'a{b}c{d}',
    ];
    for (const key of keys) expect([key, hashSlot(key)]).toEqual([key, await raw.cluster('KEYSLOT', key)]);
    expect(hashSlot('123456789')).toBe(0x31c3);
  });

  it('shows its masters on the health page, and hands out a Cluster of ioredis as native', async () => {
    expect(await cache.health()).toMatchObject({
      status: 'up',
      detail: { driver: 'redis', connections: [1, 2, 3].map(() => expect.stringContaining('1 of 1 ready')) },
    });
    const native = cache.native as Cluster;
    expect(native).toBeInstanceOf(Cluster);
    const key = uniquePrefix('cluster');
    await cache.set(key, 'there');
    expect(await native.get(key)).toBe('"there"');
    await cache.delete(key);
  });
});

describe('the nodes of a cluster', () => {
  it('are taken as objects, as host:port and as URLs', async () => {
    const [{ host, port } = { host: '', port: 0 }] = nodes();
    for (const node of [
      { host, port },
      `${host}:${port}`,
      `redis://${host}:${port}`,
      `redis://${host}:${port}/0`,
    ]) {
      const cache = await createCache({ clusterNodes: [node] }, { env: 'test' });
      await cache.ping();
      await cache.close();
    }
  });

  it('are refused by hand too, when they are none', () => {
    expect(() => redisDriver({ clusterNodes: ['http://:hunter2@host'] })).toThrow(
      /clusterNodes\[0\]: must be/,
    );
    expect(() => redisDriver({ clusterNodes: ['http://:hunter2@host'] })).not.toThrow('hunter2');
    expect(() => redisDriver({ clusterNodes: [] })).toThrow(/needs an address/);
  });
});
