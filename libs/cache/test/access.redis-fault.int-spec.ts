import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createCache, type CacheOptions, type CacheProvider } from '@infra-kit/cache';
import { redisDriver } from '@infra-kit/cache/redis';
import { eventually, RecordingLogger } from '@infra-kit/kernel/testing';
import { freePort, launchRedis, type RunningServer } from '@infra-kit/testkit';
import { muteServer } from './fixtures/mute-server.js';
import { sentinel } from './fixtures/sentinel.js';
import { CERT, KEY, tlsFront } from './fixtures/tls-front.js';

let server: RunningServer;
let raw: Redis;
beforeAll(async () => {
  server = await launchRedis();
  raw = new Redis(server.url);
  await raw.call('ACL', 'SETUSER', 'app', 'on', '>p@ss %', '~*', '+@all');
  await raw.call('ACL', 'SETUSER', 'reader', 'on', '>r', '~*', '+@read', '+@connection', '+info');
});
afterAll(async () => {
  raw.disconnect();
  await server.stop();
});

const start = (options: CacheOptions): Promise<CacheProvider> =>
  createCache({ connectTimeoutMs: 2000, ...options }, { env: 'test', logger: new RecordingLogger() });

async function withCache<T>(options: CacheOptions, use: (cache: CacheProvider) => Promise<T>): Promise<T> {
  const cache = await start(options);
  try {
    return await use(cache);
  } finally {
    await cache.close();
  }
}

const whoAmI = (cache: CacheProvider): Promise<unknown> => (cache.native as Redis).call('ACL', 'WHOAMI');

describe('user, password and database', () => {
  it('come from the URL, and from the fields that win over it', async () => {
    const address = `127.0.0.1:${server.port}`;
    expect(await withCache({ url: `redis://app:p%40ss%20%25@${address}` }, whoAmI)).toBe('app');
    expect(await withCache({ url: `redis://${address}`, username: 'app', password: 'p@ss %' }, whoAmI)).toBe(
      'app',
    );
    expect(
      await withCache({ url: `redis://reader:r@${address}`, username: 'app', password: 'p@ss %' }, whoAmI),
    ).toBe('app');
    expect(await withCache({ url: server.url }, whoAmI)).toBe('default');
    for (const options of [{ url: `${server.url}/3` }, { url: `${server.url}/2`, db: 3 }]) {
      await withCache(options, (cache) => cache.set('where', 3));
      expect(await raw.exists('where')).toBe(0);
      await raw.select(3);
      expect(await raw.del('where')).toBe(1);
      await raw.select(0);
    }
  });

  it('that are wrong fail the start as PERMISSION_DENIED, unseen', async () => {
    const refused = start({ url: server.url, username: 'app', password: 'hunter2' });
    await expect(refused).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('correct user name and password'),
    });
    await expect(refused).rejects.not.toThrow('hunter2');
    const error = await refused.catch((e: unknown) => e);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2');
  });

  it('a database that the server does not have fails the start, and nothing lands in another', async () => {
    for (const options of [{ db: 99 }, { db: 99, near: {} }])
      await expect(
        withCache({ url: server.url, ...options }, (cache) => cache.set('astray', 1)),
      ).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('DB index is out of range'),
      });
    expect(await raw.exists('astray')).toBe(0);
  });

  it('errors of calls show no values', async () => {
    await withCache({ url: server.url }, async (cache) => {
      await cache.sets.add('values', 1);
      const error = await cache.getAndSet('values', 'hunter2').catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', cause: expect.any(Error) });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2');
    });
  });

  it('that allow too little are PERMISSION_DENIED at the call', async () => {
    await withCache({ url: server.url, username: 'reader', password: 'r' }, async (cache) => {
      expect(await cache.get('a')).toBeUndefined();
      await expect(cache.set('a', 1)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    });
  });
});

async function readAt(at: RunningServer): Promise<string | null> {
  const client = new Redis(at.url);
  try {
    return await client.get('at');
  } finally {
    client.disconnect();
  }
}

describe('sentinels', () => {
  it('tell where the master is; after a failover the cache finds the new one by itself', async () => {
    const [first, second] = await Promise.all([launchRedis(), launchRedis()]);
    await using guide = await sentinel('main', first);
    const sentinels = [
      { host: '127.0.0.1', port: await freePort() },
      { host: '127.0.0.1', port: guide.port },
    ];
    const cache = await start({ sentinels, sentinelName: 'main', commandTimeoutMs: 300 });
    try {
      await cache.set('at', 'first');
      expect(await readAt(first)).toBe('"first"');
      expect(guide.asked).toContain('main');
      await first.kill();
      await expect(cache.set('at', 'nowhere')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      guide.master = second;
      await eventually(() => cache.set('at', 'second'), { withinMs: 10_000 });
      expect(await readAt(second)).toBe('"second"');
    } finally {
      await cache.close();
      await Promise.all([first.stop(), second.stop()]);
    }
  });

  it('that say nothing are passed over within connectTimeoutMs, and left', async () => {
    await using silent = await muteServer();
    await using guide = await sentinel('main', server);
    const mute = { host: '127.0.0.1', port: silent.port };
    const heard = { host: '127.0.0.1', port: guide.port };
    const cache = await start({ sentinels: [mute, heard], sentinelName: 'main' });
    expect(await cache.set('a', 1)).toBe(true);
    await cache.close();
    await expect(
      start({ sentinels: [mute], sentinelName: 'main', connectTimeoutMs: 300 }),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await eventually(() => expect(silent.open()).toBe(0));
  });

  it('that cannot be reached, or know no such master, fail the start', async () => {
    await using guide = await sentinel('main', server);
    const nobody = [{ host: '127.0.0.1', port: await freePort() }];
    await expect(start({ sentinels: nobody, sentinelName: 'main' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await expect(
      start({
        sentinels: [{ host: '127.0.0.1', port: guide.port }],
        sentinelName: 'other',
        connectTimeoutMs: 500,
      }),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining("master 'other' by sentinels"),
    });
  });
});

describe('TLS', () => {
  it('is spoken for rediss:// with the certificates given, and a stranger is refused', async () => {
    await using front = await tlsFront(server);
    const url = `rediss://127.0.0.1:${front.port}`;
    expect(await withCache({ url, tls: { ca: CERT } }, (cache) => cache.set('tls', 1))).toBe(true);
    expect(await withCache({ url, tls: { rejectUnauthorized: false } }, (cache) => cache.get('tls'))).toBe(1);
    await expect(start({ url })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('self-signed'),
    });
    await expect(start({ url, tls: { ca: CERT, servername: 'elsewhere' } })).rejects.toThrow('elsewhere');
  });

  it('is spoken for redis:// with tls: true, and shows a certificate of its own where one is asked for', async () => {
    await using front = await tlsFront(server, { requestCert: true, rejectUnauthorized: true, ca: [CERT] });
    const url = `redis://localhost:${front.port}`;
    const tls = { ca: CERT, cert: CERT, key: KEY };
    expect(await withCache({ url, tls }, (cache) => cache.set('tls', 2))).toBe(true);
    await expect(start({ url, tls: true })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(start({ url, connectTimeoutMs: 300 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('poolSize', () => {
  it('is the number of connections, which take turns', async () => {
    await withCache({ url: server.url, poolSize: 3 }, async (cache) => {
      const ids = new Set<unknown>();
      for (let call = 0; call < 30; call++) await cache.get('a');
      const clients = String(await raw.client('LIST'))
        .split('\n')
        .filter((line) => line.includes('infra-kit:cache'));
      for (const line of clients) {
        ids.add(/id=(\d+)/.exec(line)?.[1]);
        expect(line).toContain('cmd=get');
      }
      expect(ids.size).toBe(3);
    });
  });
});

describe('a Redis driver made by hand', () => {
  it('refuses an address that is none, without showing it, or none at all', () => {
    expect(() => redisDriver({ url: 'http://:hunter2@host' })).toThrow(/url: must be redis:/);
    expect(() => redisDriver({ url: 'http://:hunter2@host' })).not.toThrow('hunter2');
    expect(() => redisDriver({})).toThrow(/needs an address/);
  });
});
