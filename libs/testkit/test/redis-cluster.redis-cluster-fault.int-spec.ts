import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import {
  isAlive,
  launchRedisCluster,
  type RedisCluster,
  type RunningServer,
  until,
} from '@infra-kit/testkit';

/** Slots 0, 5461 and 10923 begin the shares; these keys lie in the first, the second and the third. */
const KEYS = ['b', 'c', 'a'];

describe("a Redis Cluster of one's own", () => {
  let own: RedisCluster;
  let client: Cluster;

  beforeEach(async () => {
    own = await launchRedisCluster({ args: ['--cluster-require-full-coverage', 'no'] });
    client = new Cluster(
      own.nodes.map(({ host, port }) => ({ host, port })),
      {
        clusterRetryStrategy: () => 50,
        redisOptions: { commandTimeout: 1_000, maxRetriesPerRequest: 0 },
      },
    );
    client.on('error', () => {});
    await until('the client finds all masters', () => client.nodes('master').length === 3);
  });
  afterEach(async () => {
    client.disconnect();
    await own.stop();
  });

  function third(): RunningServer {
    const [, , node] = own.nodes;
    if (node === undefined) throw new Error('three nodes were asked for');
    return node;
  }
  const setAll = (value: string): Promise<readonly PromiseSettledResult<unknown>[]> =>
    Promise.allSettled(KEYS.map((key) => client.set(key, value)));
  const statuses = async (value: string): Promise<readonly string[]> =>
    (await setAll(value)).map(({ status }) => status);

  it('answers for every slot, by whichever node the client asks', async () => {
    expect(await statuses('1')).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    for (const { host, port } of own.nodes) {
      const other = new Cluster([{ host, port }]);
      expect(await Promise.all(KEYS.map((key) => other.get(key)))).toEqual(['1', '1', '1']);
      await other.quit();
    }
  });

  it('loses the slots of a killed node alone, and has them again on the same port after its restart', async () => {
    const { port } = third();
    await third().kill();
    expect(await statuses('2')).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    await third().restart();
    await own.whole();
    expect(third().port).toBe(port);
    await until('the client is back', async () => (await client.set('a', '3')) === 'OK');
    expect(await Promise.all(KEYS.map((key) => client.get(key)))).toEqual(['2', '2', '3']);
  });

  it('loses the slots of a paused node until it is resumed', async () => {
    await third().pause();
    expect(await statuses('2')).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    await third().resume();
    await until('the client is back', async () => (await client.set('a', '3')) === 'OK');
  });

  it('is gone after stop, every process of it, and stop can be repeated', async () => {
    const pids = own.nodes.map(({ pid }) => pid ?? 0);
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    await own.stop();
    await own.stop();
    expect(pids.map(isAlive)).toEqual([false, false, false]);
  });

  it('says why when it cannot start, and leaves nothing running', async () => {
    await expect(launchRedisCluster({ args: ['--no-such-setting', '1'] })).rejects.toThrow('no-such-setting');
  });
});
