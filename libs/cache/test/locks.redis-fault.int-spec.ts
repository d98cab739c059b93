import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { LockLostError } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { codeOf, faultBench, HOUR, works } from './fixtures/fault-bench.js';

const bench = faultBench();
const TTL_MS = 1500;
const PATIENT = { ttlMs: 60_000, waitMs: 60_000 };

async function raw<T>(call: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(bench.server.url);
  try {
    return await call(client);
  } finally {
    client.disconnect();
  }
}

describe('locks over a Redis that forgets', () => {
  it('go on after FLUSHALL, and so do their tokens', async () => {
    const [one, two] = [await bench.connect(), await bench.connect()];
    const before = await one.locks.acquire('a', { ttlMs: 60_000 });
    await before.release();
    await raw((client) => client.flushall());
    const after = await two.locks.acquire('a', { ttlMs: 60_000 });
    expect(after.token).toBeGreaterThan(before.token);
    await after.release();
  });

  it('are kept by a holder who renews, and given to nobody else, when they are forgotten meanwhile', async () => {
    const [one, two] = [await bench.connect(), await bench.connect()];
    const lock = await one.locks.acquire('a', { ttlMs: TTL_MS });
    await raw((client) => client.flushall());
    await eventually(async () => expect(await raw((client) => client.dbsize())).toBe(1)); // a renewal
    for (let look = 0; look < 5; look++) {
      expect(await two.locks.tryAcquire('a')).toBeUndefined();
      await new Promise((resolve) => setTimeout(resolve, TTL_MS / 3));
    }
    expect(lock.signal.aborted).toBe(false);
    await lock.release();
  });

  it('have tokens that rise over a restart with nothing kept', async () => {
    const cache = await bench.connect();
    const { token } = await cache.locks.acquire('a', { ttlMs: 60_000 });
    await bench.server.kill();
    await bench.server.restart();
    await works(cache);
    const next = await cache.locks.acquire('a', PATIENT);
    expect(next.token).toBeGreaterThan(token);
  });

  it('survive SCRIPT FLUSH', async () => {
    const cache = await bench.connect();
    const lock = await cache.locks.acquire('a', { ttlMs: TTL_MS });
    await raw((client) => client.script('FLUSH'));
    await new Promise((resolve) => setTimeout(resolve, TTL_MS));
    expect(lock.remainingMs()).toBeGreaterThan(0);
    await lock.release();
    expect(await cache.locks.tryAcquire('a')).toBeDefined();
  });
});

describe('locks over a Redis that hangs or dies', () => {
  it('are known to be lost at 0.9 of the ttl, though nothing answers', async () => {
    const cache = await bench.connect();
    const sent = performance.now();
    const lock = await cache.locks.acquire('a', { ttlMs: TTL_MS });
    await bench.server.pause();
    await new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
    expect(performance.now() - sent).toBeLessThan(TTL_MS);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    await lock.release(); // of a lost lock it resolves
    expect(['UNAVAILABLE', 'DEADLINE_EXCEEDED']).toContain(await codeOf(cache.locks.tryAcquire('a')));
  });

  it('go on when the connection was lost and is back in time', async () => {
    const cache = await bench.throughProxy();
    const lock = await cache.locks.acquire('a', { ttlMs: 3000 });
    bench.proxy.reset();
    await new Promise((resolve) => setTimeout(resolve, 3500));
    expect(lock.signal.aborted).toBe(false);
    expect(await cache.locks.tryAcquire('a')).toBeUndefined();
  });

  it('are got by whoever waits although the connection on which notices come was lost', async () => {
    const [holder, waiter] = [await bench.connect(), await bench.throughProxy({ commandTimeoutMs: 2000 })];
    const lock = await holder.locks.acquire('a', { ttlMs: 60_000 });
    const waiting = waiter.locks.acquire('a', PATIENT);
    await eventually(async () => expect(await raw((client) => client.pubsub('NUMPAT'))).toBe(0));
    await eventually(async () =>
      expect((await raw((client) => client.pubsub('CHANNELS'))) as string[]).toHaveLength(1),
    );
    // of the connections the one that subscribes is cut alone
    await raw((client) => client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
    await lock.release();
    await (await waiting).release();
    await eventually(async () =>
      expect((await raw((client) => client.pubsub('CHANNELS'))) as string[]).toHaveLength(0),
    );
  });
});

describe('a user who may use keys under a prefix alone', () => {
  it.each([
    ['and their channels', '&p:*', 1000],
    ['and no channels: by looking', 'resetchannels', 10_000],
  ])('waits for locks and loads %s', async (_what, channels, withinMs) => {
    await raw((client) =>
      client.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>secret', '~p:*', channels, '+@all'),
    );
    const access = {
      username: 'app',
      password: 'secret',
      keyPrefix: `p:${channels}:`,
      commandTimeoutMs: 2000,
    };
    const [one, two] = [await bench.connect(access), await bench.connect(access)];
    const lock = await one.locks.acquire('a', { ttlMs: 60_000 });
    const waiting = two.locks.acquire('a', PATIENT);
    const gate = Promise.withResolvers<string>();
    const begun = Promise.withResolvers<void>();
    const load = async (): Promise<string> => {
      begun.resolve();
      return gate.promise;
    };
    const first = one.getOrSet('b', load, { ...HOUR, tags: ['t'] });
    await begun.promise;
    const second = two.getOrSet('b', async () => 'two', { ...HOUR, tags: ['t'] });
    const connections = async (): Promise<number> =>
      Number(/total_connections_received:(\d+)/.exec(await raw((client) => client.info('stats')))?.[1]);
    const before = await connections();
    await new Promise((resolve) => setTimeout(resolve, 2000)); // by now they look once a second
    const since = performance.now();
    gate.resolve('one');
    await lock.release();
    expect(await Promise.all([first, second])).toEqual(['one', 'one']);
    await (await waiting).release();
    expect(performance.now() - since).toBeLessThan(withinMs);
    expect((await connections()) - before).toBeLessThan(5);
  });
});

describe('loads of a fleet over a Redis that forgets', () => {
  it('are made again after FLUSHALL, and tags go on', async () => {
    const [one, two] = [await bench.connect(), await bench.connect()];
    const options = { ...HOUR, tags: ['t'] };
    expect(await one.getOrSet('a', async () => 1, options)).toBe(1);
    await raw((client) => client.flushall());
    expect(await two.getOrSet('a', async () => 2, options)).toBe(2);
    expect(await one.get('a')).toBe(2);
    await one.invalidateTags('t');
    expect(await two.get('a')).toBeUndefined();
  });

  it('wait for a load whose lease was forgotten, or load for themselves, and end with one value', async () => {
    const [one, two] = [await bench.connect(), await bench.connect()];
    const gate = Promise.withResolvers<string>();
    const begun = Promise.withResolvers<void>();
    const first = one.getOrSet(
      'b',
      () => {
        begun.resolve();
        return gate.promise;
      },
      HOUR,
    );
    await begun.promise;
    await raw((client) => client.flushall());
    expect(await two.getOrSet('b', async () => 'two', HOUR)).toBe('two');
    gate.resolve('one');
    expect(await first).toBe('one');
    expect(['one', 'two']).toContain(await two.get('b'));
    expect(await one.get('b')).toBe(await two.get('b'));
  });
});
