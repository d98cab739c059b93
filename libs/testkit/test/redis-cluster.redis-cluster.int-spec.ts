import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { sharedRedisCluster, uniquePrefix } from '@infra-kit/testkit';

describe('the shared Redis Cluster of a run', () => {
  let cluster: Cluster;
  beforeAll(() => {
    cluster = new Cluster(sharedRedisCluster().nodes.map(({ host, port }) => ({ host, port })));
  });
  afterAll(() => cluster.quit());

  it('keeps keys on every node, and finds them again', async () => {
    const prefix = uniquePrefix('cluster');
    const keys = Array.from({ length: 60 }, (_, at) => `${prefix}${at}`);
    await Promise.all(keys.map((key) => cluster.set(key, key, 'EX', 60)));
    expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys);
    const masters = cluster.nodes('master');
    const held = await Promise.all(masters.map((node) => node.keys(`${prefix}*`)));
    expect(held.map((some) => some.length > 0)).toEqual([true, true, true]);
    expect(held.flat().toSorted()).toEqual(keys.toSorted());
  });

  it('refuses a command over several slots, and takes one within a slot', async () => {
    const prefix = uniquePrefix('cluster');
    await expect(cluster.mset(`${prefix}a`, '1', `${prefix}b`, '2')).rejects.toThrow('CROSSSLOT');
    expect(await cluster.mset(`{${prefix}}a`, '1', `{${prefix}}b`, '2')).toBe('OK');
    await cluster.del(`{${prefix}}a`, `{${prefix}}b`);
  });
});
