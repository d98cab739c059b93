import { describe, expect, it } from '@jest/globals';
import { FakeClock, lockServiceSuite } from '@infra-kit/kernel/testing';
import { createCoord, MemoryCoordDriver, MemoryCoordStore } from '@infra-kit/coord';
import { lockMember } from './fixtures/lock-member.js';

const clock = new FakeClock();
const store = new MemoryCoordStore({ clock });

lockServiceSuite(
  { describe, it },
  {
    name: 'memory',
    open: () => lockMember(new MemoryCoordDriver({ store }), '/infra', clock),
    ttlMs: 10_000,
    fair: true,
    passTime: (ms) => clock.advance(ms),
    now: () => clock.monotonic(),
  },
);

describe('the keys of locks', () => {
  it.each(['', '/', 'a//b', 'a/', '\uD800', 'x'.repeat(5000)])('refuse %j', async (key) => {
    const coord = await createCoord({}, { env: 'test' });
    for (const call of [coord.locks.acquire(key), coord.locks.tryAcquire(key)])
      await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await coord.close();
  });

  it('imply one leading slash, and stand under {prefix}/locks; no lock is another one below it', async () => {
    const own = new MemoryCoordStore();
    const driver = new MemoryCoordDriver({ store: own });
    const coord = await createCoord({ driver, prefix: 'shop' }, { env: 'test' });
    await coord.locks.acquire('a');
    expect(await coord.locks.tryAcquire('/a')).toBeUndefined();
    expect(await coord.locks.tryAcquire('a/b')).toBeDefined();
    const keys = own.range({ prefix: '' }).kvs.map(({ key }) => key.replace(/\d+$/, 'N'));
    expect(keys).toEqual(['/shop/locks/a//N', '/shop/locks/a/b//N']);
    await coord.close();
  });
});
