import assert from 'node:assert/strict';
import { InfraContext } from '../context/infra-context.js';
import type { Lock } from '../ports/lock.js';
import { granted, isCode, type LockTest } from './lock-suite-target.js';

const LONG_MS = 60_000;
const DEFAULT_WAIT_MS = 10_000;
const patient = { ttlMs: LONG_MS, waitMs: LONG_MS };

export const lockWaitingTests: Readonly<Record<string, LockTest>> = {
  async 'waits its turn until the lock is released'(bench) {
    const [one, two] = await bench.members(2);
    const lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    let got = false;
    const waiting = two.locks.acquire(bench.key, patient).then((next) => ((got = true), next));
    await bench.pass(bench.ttlMs / 2);
    assert.equal(got, false);
    await lock.release();
    const next = await bench.outcome(waiting);
    assert.ok(next.token > lock.token);
    assert.equal(await one.locks.tryAcquire(bench.key), undefined);
  },

  async 'gets the lock of a holder that died when its ttl is over, and no sooner'(bench) {
    const [one, two] = await bench.members(2);
    const since = bench.now();
    await one.locks.acquire(bench.key, { ttlMs: bench.ttlMs });
    one.cut();
    await bench.outcome(two.locks.acquire(bench.key, patient));
    assert.ok(bench.now() - since >= bench.ttlMs * 0.9);
  },

  async 'does not wait in tryAcquire, whatever waitMs says'(bench) {
    const [one, two] = await bench.members(2);
    await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    const before = bench.now();
    assert.equal(await two.locks.tryAcquire(bench.key, { waitMs: LONG_MS }), undefined);
    assert.ok(bench.now() - before < LONG_MS / 2);
  },

  async 'gives up with DEADLINE_EXCEEDED after waitMs and leaves nothing behind'(bench) {
    const [one, two, three] = await bench.members(3);
    const lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    const before = bench.now();
    const waiting = two.locks.acquire(bench.key, { waitMs: bench.ttlMs / 2 });
    await assert.rejects(bench.outcome(waiting), isCode('DEADLINE_EXCEEDED'));
    assert.ok(bench.now() - before >= bench.ttlMs / 2 - 1);
    await assert.rejects(two.locks.acquire(bench.key, { waitMs: 0 }), isCode('DEADLINE_EXCEEDED'));
    await lock.release();
    const next = granted(await three.locks.tryAcquire(bench.key, { ttlMs: LONG_MS }));
    await next.release();
    await (await three.locks.acquire(bench.key, { waitMs: 0 })).release();
    await granted(await one.locks.tryAcquire(bench.key)).release();
  },

  async 'waits 10,000 ms when waitMs does not say'(bench) {
    if (!bench.fakeTime) return; // the front's own time: shown where time can be moved
    const [one, two] = await bench.members(2);
    await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    let failure: unknown;
    const waiting = two.locks.acquire(bench.key).catch((error: unknown) => (failure = error));
    await bench.pass(DEFAULT_WAIT_MS - 1);
    assert.equal(failure, undefined);
    await bench.pass(1);
    await waiting;
    assert.ok(isCode('DEADLINE_EXCEEDED')(failure));
  },

  async 'stops waiting when the signal aborts, with CANCELLED, and leaves nothing behind'(bench) {
    const [one, two, three] = await bench.members(3);
    const lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    const controller = new AbortController();
    const leaver = two.locks.acquire(bench.key, { ...patient, signal: controller.signal });
    const stayer = three.locks.acquire(bench.key, patient);
    await bench.pass(bench.ttlMs / 4);
    controller.abort();
    await assert.rejects(leaver, isCode('CANCELLED'));
    await lock.release();
    await (await bench.outcome(stayer)).release();
    const aborted = { signal: AbortSignal.abort() };
    await assert.rejects(two.locks.acquire(bench.key, aborted), isCode('CANCELLED'));
    await assert.rejects(two.locks.tryAcquire(bench.key, aborted), isCode('CANCELLED'));
    await granted(await one.locks.tryAcquire(bench.key)).release();
  },

  async "ends the wait by timeoutMs and by the caller's deadline, whichever is nearer than waitMs"(bench) {
    const [one, two] = await bench.members(2);
    const lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    const own = two.locks.acquire(bench.key, { ...patient, timeoutMs: 20 });
    await assert.rejects(own, isCode('DEADLINE_EXCEEDED'));
    const ambient = InfraContext.run({ timeoutMs: 20 }, () => two.locks.acquire(bench.key, patient));
    await assert.rejects(ambient, isCode('DEADLINE_EXCEEDED'));
    await lock.release();
    await granted(await two.locks.tryAcquire(bench.key)).release();
  },

  async 'keeps a lock beyond the deadline of the request that acquired it'(bench) {
    const [one, two] = await bench.members(2);
    const lock = await InfraContext.run({ timeoutMs: bench.ttlMs / 2 }, () =>
      one.locks.acquire(bench.key, { ttlMs: bench.ttlMs }),
    );
    for (let third = 0; third < 6; third++) await bench.pass(bench.ttlMs / 3);
    assert.ok(lock.remainingMs() > 0);
    assert.equal(await two.locks.tryAcquire(bench.key), undefined);
  },

  async 'serves those who wait in the order of their arrival, where the store is fair'(bench) {
    const members = await bench.members(3);
    const lock = await members[0].locks.acquire(bench.key, { ttlMs: LONG_MS });
    const served: number[] = [];
    const waiting: Promise<void>[] = [];
    const arrive = async (index: number): Promise<void> => {
      const member = members[index % members.length] ?? members[0];
      const next: Lock = await member.locks.acquire(bench.key, patient);
      served.push(index);
      await next.release();
    };
    for (let index = 0; index < 6; index++) {
      waiting.push(arrive(index));
      await bench.pass(bench.fakeTime ? 1 : bench.ttlMs / 10);
    }
    await lock.release();
    await bench.outcome(Promise.all(waiting));
    const order = bench.fair ? served : served.toSorted((a, b) => a - b);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
  },

  async 'passes over one who died while waiting'(bench) {
    const [one, two, three] = await bench.members(3);
    const lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    // its place in a queue is free after its ttl
    const dead = two.locks.acquire(bench.key, { ...patient, ttlMs: bench.ttlMs }).catch(() => undefined);
    await bench.pass(bench.ttlMs / 4);
    const living = three.locks.acquire(bench.key, patient);
    await bench.pass(bench.ttlMs / 4);
    two.cut();
    await lock.release();
    await (await bench.outcome(living, LONG_MS)).release();
    two.heal();
    await (await bench.outcome(dead, LONG_MS))?.release();
  },

  async 'refuses those who wait when the component closes'(bench) {
    const [one, two] = await bench.members(2);
    await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    const waiting = assert.rejects(two.locks.acquire(bench.key, patient), isCode('FAILED_PRECONDITION'));
    await bench.pass(bench.ttlMs / 4);
    await two.close();
    await bench.outcome(waiting);
  },
};
