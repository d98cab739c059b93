import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { redisDriver } from '@infra-kit/cache/redis';
import { eventually, FakeClock, lockServiceSuite } from '@infra-kit/kernel/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { lockMember } from './fixtures/lock-member.js';

lockServiceSuite(
  { describe, it },
  {
    name: 'Redis',
    open: () => lockMember(redisDriver({ url: sharedRedis().url }), { closesStore: true }),
    ttlMs: 1500,
    fair: true,
  },
);

describe('the locks of a cache over Redis', () => {
  it('wake whoever waits by a notice, without asking all the time', async () => {
    const keyPrefix = uniquePrefix('locks');
    const [one, two] = await Promise.all([
      createCache({ ...PATIENT, url: sharedRedis().url, keyPrefix }),
      createCache({ ...PATIENT, url: sharedRedis().url, keyPrefix }),
    ]);
    const counted = redisDriver({ url: sharedRedis().url });
    let asked = 0;
    const counting = new Proxy(counted, {
      get(target, name) {
        const member = Reflect.get(target, name, target) as unknown;
        if (name === 'run') asked++;
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    // it looks by this clock alone: while that stands still only a notice can wake it
    const clock = new FakeClock();
    const watched = await createCache({ ...PATIENT, driver: counting, keyPrefix }, { clock });
    const lock = await one.locks.acquire('a', { ttlMs: 60_000 });
    const first = two.locks.acquire('a', { waitMs: 60_000 });
    const second = watched.locks.acquire('a', { waitMs: 60_000 });
    await eventually(() => expect(asked).toBeGreaterThan(0));
    for (let passedMs = 0; passedMs < 10_000; passedMs += 50) {
      await clock.advance(50);
      await watched.ping(); // what was asked before is answered
    }
    expect(asked).toBeGreaterThanOrEqual(10);
    expect(asked).toBeLessThanOrEqual(18);
    await lock.release();
    await (await first).release();
    await (await second).release();
    await Promise.all([one.close(), two.close(), watched.close()]);
    await counted.close();
  });

  it('give tokens of the size of microseconds, exact to the last digit', async () => {
    const cache = await createCache({ ...PATIENT, url: sharedRedis().url, keyPrefix: uniquePrefix('locks') });
    const before = BigInt(Date.now()) * 1000n;
    const { token } = await cache.locks.acquire('a');
    expect(token > before - 3_600_000_000n && token < before + 3_600_000_000n).toBe(true);
    await cache.close();
  });
});
