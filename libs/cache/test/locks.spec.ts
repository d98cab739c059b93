import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { eventually, FakeClock, lockServiceSuite } from '@infra-kit/kernel/testing';
import { MemoryNotices } from '../src/drivers/memory/memory-notices.js';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';
import { systemError } from './fixtures/faulty-cache.js';
import { lockMember } from './fixtures/lock-member.js';

const clock = new FakeClock();
const store = new MemoryCacheDriver({ maxEntries: 1000, clock });
lockServiceSuite(
  { describe, it },
  {
    name: 'memory',
    open: () => lockMember(store, { clock }),
    ttlMs: 1000,
    fair: true,
    passTime: (ms) => clock.advance(ms),
    now: () => clock.monotonic(),
  },
);

describe('the locks of a cache', () => {
  it('are apart from its entries, and namespaces share them as they share keys', async () => {
    const cache = await createCache({ driver: 'memory' }, { env: 'test' });
    const lock = await cache.locks.acquire('a:b');
    await cache.set('a:b', 'value');
    expect(await cache.get('a:b')).toBe('value');
    expect(await cache.delete('a:b')).toBe(1);
    expect(await cache.namespace('a:').locks.tryAcquire('b')).toBeUndefined();
    expect(lock.key).toBe('a:b');
    await lock.release();
    const inner = await cache.namespace('a:').locks.acquire('b');
    expect(inner.key).toBe('b');
    expect(await cache.locks.tryAcquire('a:b')).toBeUndefined();
    for await (const key of cache.scan('')) throw new Error(`scan shows ${key}`);
    await cache.deleteByPrefix('');
    expect(await cache.locks.tryAcquire('a:b')).toBeUndefined();
    await cache.close();
  });

  it('take lockTtlMs where no ttl is named', async () => {
    const own = new FakeClock();
    const cache = await createCache({ driver: 'memory', lockTtlMs: 3000 }, { env: 'test', clock: own });
    const lock = await cache.locks.acquire('a');
    expect(lock.remainingMs()).toBeLessThanOrEqual(2700);
    expect(lock.remainingMs()).toBeGreaterThan(2000);
    const plain = await createCache({ driver: 'memory' }, { env: 'test', clock: own });
    expect((await plain.locks.acquire('a')).remainingMs()).toBeGreaterThan(8000);
    await Promise.all([cache.close(), plain.close()]);
  });

  it('name the cache and the lock in their errors', async () => {
    const cache = await createCache({ driver: 'memory' }, { env: 'test', name: 'sessions' });
    await cache.locks.acquire('a');
    await expect(cache.locks.acquire('a', { waitMs: 0 })).rejects.toMatchObject({
      message: 'cache(sessions).locks: lock "a" is held by another, and waitMs is 0',
      component: 'cache',
      instance: 'sessions',
    });
    await cache.close();
  });

  it('are lost to their holders when the cache closes, before another can have them', async () => {
    const [cache, other] = await Promise.all([lockMember(store, { clock }), lockMember(store, { clock })]);
    const lock = await cache.locks.acquire('closing');
    const given = await cache.locks.acquire('given back');
    await given.release();
    const heard = new Promise((resolve) => {
      lock.signal.addEventListener('abort', () => resolve(other.locks.tryAcquire('closing')));
    });
    await cache.close();
    expect(lock.signal.reason).toMatchObject({
      name: 'LockLostError',
      message: 'cache.locks: lock "closing" is lost, its cache is closed; acquire it again and redo',
    });
    expect(await heard).toBeUndefined();
    expect(given.signal.aborted).toBe(false);
    await lock.release();
    expect(await other.locks.tryAcquire('closing')).toBeDefined();
    await other.close();
  });

  it('are UNIMPLEMENTED over a driver without scripts', async () => {
    const driver = Object.assign(new MemoryCacheDriver({ maxEntries: 10, clock }), {
      capabilities: { scan: true, scripts: false },
    });
    const cache = await createCache({ driver }, { env: 'test' });
    await expect(cache.locks.tryAcquire('a')).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
    await expect(cache.locks.acquire('a')).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
    await cache.close();
  });

  it('go on when the store forgets them, with tokens that rise, and stand still for nobody who was passed over', async () => {
    const own = new FakeClock();
    const small = new MemoryCacheDriver({ maxEntries: 2, clock: own });
    const cache = await createCache({ driver: small }, { env: 'test', clock: own });
    const lock = await cache.locks.acquire('a', { ttlMs: 900 });
    await cache.setMany([
      ['x', 1],
      ['y', 2],
    ]);
    await own.advance(300); // the renewal takes it down again
    expect(await cache.locks.tryAcquire('a')).toBeUndefined();
    expect(lock.signal.aborted).toBe(false);
    await lock.release();
    await cache.setMany([
      ['x', 1],
      ['y', 2],
    ]);
    const next = await cache.locks.acquire('a', { ttlMs: 900 });
    expect(next.token).toBeGreaterThan(lock.token);
    await cache.setMany([
      ['x', 1],
      ['y', 2],
    ]);
    await own.advance(1);
    const thief = await cache.locks.acquire('a', { ttlMs: 900 });
    expect(thief.token).toBeGreaterThan(next.token);
    await own.advance(300);
    expect([next.signal.aborted, thief.signal.aborted]).toEqual([true, false]);
    await cache.close();
  });

  it('take tokens from the server time or the last token, whichever is higher', async () => {
    const own = new FakeClock({ now: 1_000_000 });
    const cache = await createCache({ driver: 'memory' }, { env: 'test', clock: own });
    const tokens: bigint[] = [];
    for (const step of [0, 0, 500, -100_000, 0]) {
      own.step(step);
      await cache.locks.withLock('a', {}, async ({ token }) => tokens.push(token));
    }
    expect(tokens).toEqual([1_000_000_000n, 1_000_000_001n, 1_000_500_000n, 1_000_500_001n, 1_000_500_002n]);
    await cache.close();
  });

  it('wake whoever waits by a notice, long before it would look by itself', async () => {
    const own = new FakeClock();
    const cache = await createCache({ driver: 'memory' }, { env: 'test', clock: own });
    const lock = await cache.locks.acquire('a', { ttlMs: 60_000 });
    const waiting = cache.locks.acquire('a', { waitMs: 60_000 });
    await own.advance(5000);
    await lock.release();
    const next = await eventually(() => waiting); // no time passes
    expect(next.token).toBeGreaterThan(lock.token);
    await cache.close();
  });

  it('leave no place behind when a waiter gives up: the next one is woken at once', async () => {
    const own = new FakeClock();
    const cache = await createCache({ driver: 'memory' }, { env: 'test', clock: own });
    const lock = await cache.locks.acquire('a', { ttlMs: 60_000 });
    const controller = new AbortController();
    const leaver = cache.locks.acquire('a', { waitMs: 60_000, signal: controller.signal });
    const stayer = cache.locks.acquire('a', { waitMs: 60_000 });
    await own.advance(3000);
    controller.abort();
    await expect(leaver).rejects.toMatchObject({ code: 'CANCELLED' });
    await lock.release();
    expect((await eventually(() => stayer)).token).toBeGreaterThan(lock.token); // no time passes
    const last = cache.locks.acquire('a', { waitMs: 60_000 });
    await own.advance(3000);
    const closing = expect(last).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await cache.close();
    await closing; // nor here
  });

  it('keep the order of arrival also where no notice is heard', async () => {
    const own = new FakeClock();
    class Deaf extends MemoryNotices {
      override tell(): void {}
    }
    const store = new MemoryCacheDriver({ maxEntries: 100, clock: own });
    const deaf = Object.assign(store, { notices: new Deaf() });
    const cache = await createCache({ driver: deaf }, { env: 'test', clock: own });
    const lock = await cache.locks.acquire('a', { ttlMs: 60_000 });
    const served: number[] = [];
    const wait = async (place: number): Promise<void> => {
      await cache.locks.withLock('a', { waitMs: 60_000 }, async () => void served.push(place));
    };
    const waiting = [wait(0)];
    await own.advance(2100); // it looks once a second by now, the next ones more often
    waiting.push(wait(1), wait(2));
    await own.advance(60);
    await lock.release();
    await own.advance(10_000);
    await Promise.all(waiting);
    expect(served).toEqual([0, 1, 2]);
    await cache.close();
  });

  it('are given back when the answer that granted them got lost', async () => {
    const own = new FakeClock();
    const shared = new MemoryCacheDriver({ maxEntries: 100, clock: own });
    const run = shared.run.bind(shared);
    let losing = true;
    const driver = Object.assign(shared, {
      run: async (...call: Parameters<typeof run>) => {
        const reply = await run(...call);
        if (!losing) return reply;
        losing = false;
        throw systemError('ECONNRESET');
      },
    });
    const cache = await createCache({ driver }, { env: 'test', clock: own });
    await expect(cache.locks.tryAcquire('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await new Promise(setImmediate);
    expect(await cache.locks.tryAcquire('a')).toBeDefined();
    await cache.close();
  });
});
