import assert from 'node:assert/strict';
import { LockLostError, type Lock } from '../ports/lock.js';
import { granted, isCode, type LockTest } from './lock-suite-target.js';

const LONG_MS = 60_000;

export const lockUseTests: Readonly<Record<string, LockTest>> = {
  async 'runs a function under the lock, answers what it answers, and releases'(bench) {
    const [one, two] = await bench.members(2);
    const answer = await one.locks.withLock(bench.key, { ttlMs: LONG_MS }, async (lock) => {
      assert.equal(await two.locks.tryAcquire(bench.key), undefined);
      return { token: lock.token };
    });
    const next = granted(await two.locks.tryAcquire(bench.key, { ttlMs: LONG_MS }));
    assert.ok(next.token > answer.token);
  },

  async "rejects with the function's very error, and releases"(bench) {
    const [one, two] = await bench.members(2);
    const mishap = new TypeError('mishap');
    const failing = one.locks.withLock(bench.key, { ttlMs: LONG_MS }, () => Promise.reject(mishap));
    await assert.rejects(failing, (error) => error === mishap);
    await granted(await two.locks.tryAcquire(bench.key)).release();
  },

  async 'does not run the function when the lock is not to be had'(bench) {
    const [one, two] = await bench.members(2);
    await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    let ran = false;
    const refused = two.locks.withLock(bench.key, { waitMs: bench.ttlMs / 4 }, async () => (ran = true));
    await assert.rejects(bench.outcome(refused), isCode('DEADLINE_EXCEEDED'));
    assert.equal(ran, false);
  },

  async 'waits for the function although the lock was lost, and rejects with the loss'(bench) {
    const [one, two] = await bench.members(2);
    const gate = Promise.withResolvers<void>();
    let held: Lock | undefined;
    let settled = false;
    const working = one.locks.withLock(bench.key, { ttlMs: bench.ttlMs }, async (lock) => {
      held = lock;
      await gate.promise;
      settled = true;
      return 'done';
    });
    const outcome = assert.rejects(
      working,
      (error) => settled && error instanceof LockLostError && error.retryable,
    );
    await bench.until(() => assert.ok(held));
    one.cut();
    await bench.until(() => assert.ok(held?.signal.aborted));
    gate.resolve();
    await bench.outcome(outcome);
    await bench.outcome(two.locks.acquire(bench.key, { ttlMs: LONG_MS, waitMs: LONG_MS }));
  },

  async 'names the error of a function that failed under a lost lock as the cause'(bench) {
    const [one] = await bench.members(1);
    const mishap = new Error('stopped half-way');
    const working = one.locks.withLock(bench.key, { ttlMs: bench.ttlMs }, async (lock) => {
      one.cut();
      await bench.until(() => assert.ok(lock.signal.aborted));
      throw mishap;
    });
    const outcome = assert.rejects(
      working,
      (error) => error instanceof LockLostError && error.cause === mishap,
    );
    await bench.outcome(outcome);
  },

  async 'says UNAVAILABLE or DEADLINE_EXCEEDED when the store is away, and recovers'(bench) {
    const [one] = await bench.members(1);
    one.cut();
    const away = (error: unknown): boolean =>
      isCode('UNAVAILABLE')(error) || isCode('DEADLINE_EXCEEDED')(error);
    await assert.rejects(one.locks.tryAcquire(bench.key), away);
    await assert.rejects(bench.outcome(one.locks.acquire(bench.key, { waitMs: bench.ttlMs / 4 })), away);
    one.heal();
    await bench.until(async () =>
      granted(await one.locks.tryAcquire(bench.key, { ttlMs: LONG_MS })).release(),
    );
  },

  async 'refuses keys, ttls and waits that are none'(bench) {
    const [one] = await bench.members(1);
    const none = undefined as never;
    for (const options of [{ ttlMs: 0 }, { ttlMs: -1 }, { ttlMs: Number.NaN }, { ttlMs: '5s' as never }]) {
      await assert.rejects(one.locks.acquire(bench.key, options), isCode('INVALID_ARGUMENT'));
      await assert.rejects(one.locks.tryAcquire(bench.key, options), isCode('INVALID_ARGUMENT'));
    }
    for (const waitMs of [-1, Number.NaN, '5s' as never])
      await assert.rejects(one.locks.acquire(bench.key, { waitMs }), isCode('INVALID_ARGUMENT'));
    for (const key of ['', none]) {
      await assert.rejects(one.locks.acquire(key), isCode('INVALID_ARGUMENT'));
      await assert.rejects(one.locks.tryAcquire(key), isCode('INVALID_ARGUMENT'));
    }
    await assert.rejects(one.locks.withLock(bench.key, {}, none), isCode('INVALID_ARGUMENT'));
    await granted(await one.locks.tryAcquire(bench.key)).release();
  },
};
