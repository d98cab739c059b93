import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createCache, type CacheOptions, type CacheProvider } from '@infra-kit/cache';
import {
  freePort,
  launchRedis,
  launchRedisCluster,
  until,
  type RedisCluster,
  type RunningServer,
} from '@infra-kit/testkit';
import { hashSlot } from '../src/drivers/redis/hash-slot.js';
import { codeOf, HOUR, SLACK_MS } from './fixtures/fault-bench.js';
import { codes, longest, underLoad } from './fixtures/load.js';
import { muteServer } from './fixtures/mute-server.js';
import { RecordingLogger } from '@infra-kit/kernel/testing';

/** Hash tags in the shares of the first, second and third master. */
const TAGS = ['b', 'c', 'a'] as const;
const [FIRST, , THIRD] = TAGS;

let cluster: RedisCluster;
const open: CacheProvider[] = [];
const logger = new RecordingLogger();
beforeAll(async () => {
  cluster = await launchRedisCluster({ args: ['--cluster-require-full-coverage', 'no'] });
}, 60_000);
afterEach(async () => {
  await Promise.all(cluster.nodes.map((node) => node.resume().catch(() => node.restart())));
  await cluster.whole();
  await Promise.all(open.splice(0).map((cache) => cache.close()));
  logger.lines.length = 0;
}, 60_000);
afterAll(() => cluster.stop());

function node(at: number): RunningServer {
  const found = cluster.nodes[at];
  if (found === undefined) throw new Error('three nodes were asked for');
  return found;
}
const addressOf = ({ host, port }: RunningServer): { host: string; port: number } => ({ host, port });

async function connect(options: CacheOptions = {}): Promise<CacheProvider> {
  const cache = await createCache(
    { clusterNodes: cluster.nodes.map(addressOf), commandTimeoutMs: 300, ...options },
    { env: 'test', logger },
  );
  open.push(cache);
  return cache;
}

const messages = (): Set<string> => new Set(logger.lines.map(({ message }) => message));
const served = (load: ReturnType<typeof underLoad>, from: number): boolean =>
  load.outcomes.slice(from).some(({ code }) => code === 'ok');

/** Load on each master by itself; `hurt` happens to the third one, which is whole again when it resolves. */
async function underFault(
  cache: CacheProvider,
  hurt: (sees: (code: string) => Promise<void>) => Promise<void>,
): Promise<ReturnType<typeof underLoad>[]> {
  const loads = TAGS.map((tag) => underLoad(cache.namespace(`{${tag}}:`), 10));
  const third = loads[2] ?? underLoad(cache, 1);
  try {
    await until('the load runs', () => loads.every(({ outcomes }) => outcomes.length > 100));
    await hurt(async (code) => {
      await until(`${code} shows`, () => codes(third.outcomes).has(code));
    });
    const back = third.outcomes.length;
    await until('the third is served again', () => served(third, back), { deadlineMs: 20_000 });
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
  }
  return loads;
}

describe('a node of the cluster', () => {
  it('SIGKILLed under load: its keys fail at once, all others go on, and it is served again when it is back', async () => {
    const cache = await connect({ commandTimeoutMs: 5000 });
    const [first, second, third] = await underFault(cache, async (sees) => {
      await node(2).kill();
      await sees('UNAVAILABLE');
      await until('it lasts', async () => (await cache.health()).status === 'degraded');
      await node(2).restart();
      await cluster.whole();
    });
    for (const load of [first, second]) expect([...codes(load?.outcomes ?? [])]).toEqual(['ok']);
    expect([...codes(third?.outcomes ?? [])].toSorted()).toEqual(['UNAVAILABLE', 'ok']);
    expect(longest(third?.outcomes ?? [])).toBeLessThan(SLACK_MS);
    expect(messages()).toEqual(new Set(['some of the cache servers are away', 'the cache server is back']));
    expect(await cache.health()).toMatchObject({ status: 'up' });
  }, 60_000);

  it('SIGSTOPped under load: its keys fail in time, all others go on, and it is served again when it goes on', async () => {
    const cache = await connect();
    const [first, second, third] = await underFault(cache, async (sees) => {
      await node(2).pause();
      await sees('DEADLINE_EXCEEDED');
      await until('it is known', () => messages().has('some of the cache servers are away'));
      await node(2).resume();
      await cluster.whole();
    });
    for (const load of [first, second]) expect([...codes(load?.outcomes ?? [])]).toEqual(['ok']);
    expect(codes(third?.outcomes ?? []).has('DEADLINE_EXCEEDED')).toBe(true);
    expect(longest(third?.outcomes ?? [])).toBeLessThan(300 + SLACK_MS);
  }, 60_000);

  it('SIGSTOPped, leaves calls of an unprotected client waiting (control)', async () => {
    const bare = new Cluster(cluster.nodes.map(addressOf));
    await bare.set(THIRD, 1);
    await node(2).pause();
    const call = bare.get(THIRD);
    const waited = new Promise((resolve) => setTimeout(() => resolve('still waiting'), 300 + SLACK_MS));
    expect(await Promise.race([call, waited])).toBe('still waiting');
    await node(2).resume();
    expect(await call).toBe('1');
    bare.disconnect();
  });

  it('away, fails what needs it: calls of many keys and scans, and getOrSet goes to the source', async () => {
    const cache = await connect();
    await cache.setMany(TAGS.map((tag) => [tag, 1]));
    await node(2).kill();
    expect(await codeOf(cache.getMany([...TAGS]))).toBe('UNAVAILABLE');
    expect(await codeOf(cache.deleteByPrefix(''))).toBe('UNAVAILABLE');
    expect(await cache.getOrSet(THIRD, async () => 'source', HOUR)).toBe('source');
    expect(await cache.getMany(['{b}1', '{c}1'])).toEqual([undefined, undefined]);
  });
});

describe('a slot that moves', () => {
  /** What redis-cli --cluster reshard does with one slot. */
  async function moving(
    slot: number,
    ways: { from: RunningServer; to: RunningServer },
    during: (move: (keys: readonly string[]) => Promise<unknown>) => Promise<void>,
  ): Promise<void> {
    const [source, target] = [new Redis(ways.from.url), new Redis(ways.to.url)];
    const all = [target, source, ...cluster.nodes.map(({ url }) => new Redis(url))];
    try {
      const [sourceId, targetId] = [await source.cluster('MYID'), await target.cluster('MYID')].map(String);
      const order = (client: Redis, ...words: (string | undefined)[]): Promise<unknown> =>
        client.call('CLUSTER', 'SETSLOT', String(slot), ...words.map(String));
      await order(target, 'IMPORTING', sourceId);
      await order(source, 'MIGRATING', targetId);
      const { host, port } = ways.to;
      await during((keys) => source.call('MIGRATE', host, String(port), '', '0', '5000', 'KEYS', ...keys));
      for (const each of all) await order(each, 'NODE', targetId);
    } finally {
      for (const each of all) each.disconnect();
    }
  }

  it('loses and doubles no write, and shows to no caller: ASK on the way, MOVED after it', async () => {
    const slot = hashSlot(`{${FIRST}}`);
    const ways = [
      { from: node(0), to: node(1) },
      { from: node(1), to: node(0) },
    ];
    const cache = await connect();
    const counters = Array.from({ length: 20 }, (_, index) => `{${FIRST}}:n${index}`);
    let rounds = 0;
    const countAll = async (): Promise<void> => {
      rounds++;
      await Promise.all(counters.map((key) => cache.increment(key)));
    };
    await countAll();
    for (const way of ways) {
      await moving(slot, way, async (move) => {
        await countAll();
        await move(counters.slice(0, 10));
        await countAll();
        await cache.set(`{${FIRST}}:fresh`, 'set on the way');
        expect(await cache.expire(`{${FIRST}}:fresh`, Infinity)).toBe(true);
        await move([...counters.slice(10), `{${FIRST}}:fresh`]);
        await countAll();
      });
      await countAll();
      expect(await cache.get(`{${FIRST}}:fresh`)).toBe('set on the way');
      expect(await cache.getMany(counters)).toEqual(counters.map(() => rounds));
    }
    expect(logger.lines).toEqual([]);
  }, 60_000);
});

describe('the start', () => {
  it('passes over nodes that are dead or silent, as long as one knows the others', async () => {
    await using silent = await muteServer();
    const cache = await connect({
      clusterNodes: [
        { host: '127.0.0.1', port: await freePort() },
        { host: '127.0.0.1', port: silent.port },
        addressOf(node(1)),
      ],
      connectTimeoutMs: 3000,
    });
    expect(await codeOf(cache.setMany(TAGS.map((tag) => [tag, 1])))).toBe('ok');
  });

  it('fails within connectTimeoutMs where nobody answers, in a sentence, and leaves nothing open', async () => {
    await using silent = await muteServer();
    const clusterNodes = [`redis://:hunter2@127.0.0.1:${silent.port}`];
    const started = performance.now();
    const starting = connect({ clusterNodes, connectTimeoutMs: 400 });
    await expect(starting).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`cannot start, no connection to cluster 127.0.0.1:${silent.port}`),
    });
    await expect(starting).rejects.not.toThrow('hunter2');
    expect(performance.now() - started).toBeLessThan(400 + SLACK_MS);
    await until('nothing is open', () => silent.open() === 0);
  });

  it('fails where a master is away, and leaves nothing open', async () => {
    await node(2).kill();
    await expect(connect()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const raw = new Redis(node(0).url);
    await until('nothing is open', async () => !String(await raw.client('LIST')).includes('infra-kit:cache'));
    raw.disconnect();
  });

  it('refuses a server that is no node of a cluster', async () => {
    const single = await launchRedis();
    await expect(connect({ clusterNodes: [addressOf(single)] })).rejects.toThrow(/cluster support disabled/);
    await single.stop();
  });
});

describe('closing a cache on a cluster', () => {
  it('leaves no connection, and ends the attempts to come back', async () => {
    const cache = await connect();
    await codeOf((cache.native as Cluster).ping());
    await node(2).kill();
    await until('the death shows', async () => (await codeOf(cache.get(THIRD))) === 'UNAVAILABLE');
    await cache.close();
    await node(2).restart();
    for (const { url } of cluster.nodes) {
      const raw = new Redis(url);
      await until(
        'nothing is open',
        async () => !String(await raw.client('LIST')).includes('infra-kit:cache'),
      );
      raw.disconnect();
    }
  });
});
