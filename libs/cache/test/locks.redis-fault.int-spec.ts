import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { LockLostError } from '@infra-kit/kernel';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
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

/** For how many whole seconds each connection of that name has been there. */
async function agesOf(name: string): Promise<number[]> {
  const clients = String(await raw((client) => client.client('LIST')));
  return clients
    .split('\n')
    .filter((line) => line.includes(` name=${name} `))
    .map((line) => Number(/ age=(\d+)/.exec(line)?.[1]));
}

/** Until when the server keeps the lock for its holder, by the server's clock. */
async function heldUntil(key: string): Promise<number> {
  const record = await raw((client) => client.get(`${key}\u0001ik:lock`));
  return Number(record?.split(/[ |]/)[2] ?? 0);
}

/** Waits until it was renewed so often that it would be over by now without. */
async function outlivesItsTtl(key: string): Promise<void> {
  const before = await heldUntil(key);
  await eventually(async () => expect(await serverNow()).toBeGreaterThan(before), { withinMs: 10_000 });
}

async function serverNow(): Promise<number> {
  const [seconds = 0, us = 0] = (await raw((client) => client.time())).map(Number);
  return seconds * 1000 + us / 1000;
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
    for (let round = 0; round < 2; round++) {
      await outlivesItsTtl('a');
      expect(await two.locks.tryAcquire('a')).toBeUndefined();
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
    await outlivesItsTtl('a');
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
    await outlivesItsTtl('a');
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
    ['and their channels', '&p:*', 0],
    ['and no channels: by looking', 'resetchannels', 1000],
  ])('waits for locks and loads %s', async (_what, channels, lookMs) => {
    await raw((client) =>
      client.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>secret', '~p:*', channels, '+@all'),
    );
    const access = {
      username: 'app',
      password: 'secret',
      keyPrefix: `p:${channels}:`,
      commandTimeoutMs: 2000,
    };
    // who waits looks by this clock alone: while that stands still only a notice can wake him
    const clock = new FakeClock();
    const [one, two] = [await bench.connect(access), await bench.connect(access, clock)];
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
    // the connection for notices lasts, whether they may be heard or not
    await eventually(
      async () => expect(Math.max(...(await agesOf('infra-kit:cache:notices')))).toBeGreaterThan(0),
      {
        withinMs: 10_000,
      },
    );
    gate.resolve('one');
    await lock.release();
    const all = Promise.all([first, second, waiting]);
    let over = false;
    void all.finally(() => (over = true));
    await eventually(async () => {
      await clock.advance(lookMs);
      expect(over).toBe(true);
    });
    const [mine, shared, granted] = await all;
    expect([mine, shared]).toEqual(['one', 'one']);
    await granted.release();
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
