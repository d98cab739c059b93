import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { FaultProxy, isAlive, launchRedis, type RunningServer, until } from '@infra-kit/testkit';

const QUICK = {
  enableOfflineQueue: false,
  commandTimeout: 500,
  maxRetriesPerRequest: 0,
  retryStrategy: () => 20,
} satisfies RedisOptions;

async function connected(port: number): Promise<Redis> {
  const redis = new Redis(port, '127.0.0.1', QUICK);
  redis.on('error', () => {});
  await once(redis, 'ready');
  return redis;
}

async function portIsClosed(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  const closed = await once(socket, 'connect').then(
    () => false,
    () => true,
  );
  socket.destroy();
  return closed;
}

describe("a Redis of one's own", () => {
  let server: RunningServer;
  let redis: Redis;

  beforeEach(async () => {
    server = await launchRedis();
    redis = await connected(server.port);
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('answers a real client at its url', async () => {
    const client = new Redis(server.url);
    expect(await client.ping()).toBe('PONG');
    await client.quit();
  });

  it('answers nothing while it is paused, and everything once it is resumed', async () => {
    await server.pause();
    await expect(redis.set('key', 'paused')).rejects.toThrow('Command timed out');
    await server.resume();
    await until('the server answers', () => redis.set('key', 'resumed'));
    expect(await redis.get('key')).toBe('resumed');
  });

  it('loses its keys and keeps its port when it is killed and restarted', async () => {
    await redis.set('key', 'value');
    const { port } = server;
    await server.kill();
    await expect(redis.get('key')).rejects.toThrow();
    await server.restart();
    expect(server.port).toBe(port);
    await until('the client is back', () => redis.status === 'ready');
    expect(await redis.get('key')).toBeNull();
  });

  it('is another process, without its keys, when it is restarted while it runs', async () => {
    const { pid } = server;
    await redis.set('key', 'value');
    await server.restart();
    await until('the client is back', () => redis.ping());
    expect(await redis.get('key')).toBeNull();
    if (server.source === 'native') expect(server.pid).not.toBe(pid);
    if (pid !== undefined) expect(isAlive(pid)).toBe(false);
  });

  it('can be restarted while it is paused', async () => {
    await server.pause();
    await server.restart();
    await until('the client is back', () => redis.ping());
  });

  it('cannot be paused once it was killed, and says what to do', async () => {
    await server.kill();
    if (server.source === 'native')
      await expect(server.pause()).rejects.toThrow(
        `redis on port ${server.port}: it is not running; call restart() first`,
      );
    await server.restart();
  });

  it('is gone after stop, process and port, and stop can be repeated', async () => {
    const { pid } = server;
    if (server.source === 'native') expect(isAlive(pid ?? 0)).toBe(true);
    await server.stop();
    await server.stop();
    if (pid !== undefined) expect(isAlive(pid)).toBe(false);
    expect(await portIsClosed(server.port)).toBe(true);
  });

  it('is gone after stop also when it was paused', async () => {
    await server.pause();
    await server.stop();
    expect(await portIsClosed(server.port)).toBe(true);
  });

  it('takes further arguments', async () => {
    const small = await launchRedis({ args: ['--maxmemory', '8mb'] });
    const client = await connected(small.port);
    expect(await client.config('GET', 'maxmemory')).toEqual(['maxmemory', '8388608']);
    client.disconnect();
    await small.stop();
  });

  it('says why when it cannot start', async () => {
    const launching = launchRedis({ args: ['--no-such-setting', '1'] });
    await expect(launching).rejects.toThrow(server.source === 'native' ? /no-such-setting/ : 'redis');
  });
});

describe('a Redis behind a fault proxy', () => {
  let server: RunningServer;
  let proxy: FaultProxy;
  let redis: Redis;

  beforeEach(async () => {
    server = await launchRedis();
    proxy = await FaultProxy.start(server);
    redis = await connected(proxy.port);
  });
  afterEach(async () => {
    redis.disconnect();
    await proxy.close();
    await server.stop();
  });

  it('times a command out when the latency is longer than its patience, and answers again without', async () => {
    proxy.latency(300); // each way, against a patience of 500
    await expect(redis.ping()).rejects.toThrow('Command timed out');
    proxy.latency(0);
    await until('the proxy answers', () => redis.ping());
  });

  it('times every command out in a blackhole and connects anew after it', async () => {
    proxy.blackhole();
    await expect(redis.ping()).rejects.toThrow('Command timed out');
    await proxy.restore();
    await until('the client is back', () => redis.ping());
    expect(proxy.counts.connections).toBe(2);
  });

  it('never gives one command the answer of another after a blackhole', async () => {
    await redis.mset('a', 'A', 'b', 'B');
    proxy.blackhole();
    await expect(redis.get('a')).rejects.toThrow('Command timed out');
    await proxy.restore();
    expect(await until('the client is back', () => redis.get('b'))).toBe('B');
  });

  it('loses its connection by a reset and comes back', async () => {
    proxy.reset();
    await until('the client is told', () => redis.status === 'reconnecting');
    await until('the client is back', () => redis.ping());
  });

  it('cannot be reached while it refuses', async () => {
    await proxy.refuse();
    proxy.reset();
    await until('the client is told', () => redis.status === 'reconnecting');
    await expect(redis.ping()).rejects.toThrow();
    await proxy.restore();
    await until('the client is back', () => redis.ping());
  });
});
