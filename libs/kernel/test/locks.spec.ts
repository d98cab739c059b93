import { describe, expect, it } from '@jest/globals';
import { LockFront, SystemClock, type Lock } from '@infra-kit/kernel';
import { FakeClock, lockServiceSuite } from '@infra-kit/kernel/testing';
import { memoryLockMember, MemoryLockStore } from './memory-locks.js';

const clock = new FakeClock();
const fake = new MemoryLockStore(clock);
lockServiceSuite(
  { describe, it },
  {
    name: 'a store on the clock of the test',
    open: async () => memoryLockMember(fake),
    ttlMs: 1000,
    fair: true,
    passTime: (ms) => clock.advance(ms),
    now: () => clock.monotonic(),
  },
);

const real = new MemoryLockStore(new SystemClock());
lockServiceSuite(
  { describe, it },
  { name: 'a store in real time', open: async () => memoryLockMember(real), ttlMs: 300, fair: true },
);

describe('the front of locks', () => {
  it('releases what is granted after its caller has given up', async () => {
    const granted = Promise.withResolvers<Lock>();
    let released = 0;
    const locks = new LockFront(
      { grant: () => granted.promise, tryGrant: () => granted.promise },
      {
        clock: new SystemClock(),
        label: 'test.locks',
        component: 'test',
        instance: 'default',
        defaultTtlMs: () => 1000,
        checkKey: () => undefined,
      },
    );
    await expect(locks.acquire('a', { waitMs: 5 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      // nobody knows: no answer came in that time
      message:
        'test.locks: lock "a" was not to be had within waitMs, 5 ms: another holds it, or the answer was not there yet; raise waitMs',
    });
    await expect(locks.tryAcquire('a', { timeoutMs: 5 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    granted.resolve({ release: async () => void released++ } as Lock);
    await granted.promise;
    await new Promise(setImmediate);
    expect(released).toBe(2);
  });
});
