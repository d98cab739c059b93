import assert from 'node:assert/strict';
import { LockLostError } from '../ports/lock.js';
import { granted, isCode, type LockTest } from './lock-suite-target.js';

const LONG_MS = 60_000;
/** What may be believed of a ttl. */
const TRUSTED = 0.9;

export const lockHoldingTests: Readonly<Record<string, LockTest>> = {
  async 'grants a key to one holder at a time, of one process or of many'(bench) {
    const [one, two] = await bench.members(2);
    const lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    assert.equal(lock.key, bench.key);
    assert.equal(await one.locks.tryAcquire(bench.key, { ttlMs: LONG_MS }), undefined);
    assert.equal(await two.locks.tryAcquire(bench.key, { ttlMs: LONG_MS }), undefined);
    const other = granted(await two.locks.tryAcquire(`${bench.key}-2`, { ttlMs: LONG_MS }));
    await other.release();
    await lock.release();
    await granted(await two.locks.tryAcquire(bench.key, { ttlMs: LONG_MS })).release();
  },

  async 'lets no two of many callers in at once, and all of them in the end'(bench) {
    const members = await bench.members(3);
    let inside = 0;
    let most = 0;
    let runs = 0;
    const work = async (index: number): Promise<void> => {
      const member = members[index % members.length] ?? members[0];
      await member.locks.withLock(bench.key, { ttlMs: LONG_MS, waitMs: LONG_MS }, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
        runs++;
      });
    };
    await bench.outcome(Promise.all(Array.from({ length: 15 }, (_, index) => work(index))), LONG_MS);
    assert.deepEqual({ most, runs }, { most: 1, runs: 15 });
  },

  async 'gives tokens that strictly increase, whoever holds and however the lock ended'(bench) {
    const [one, two] = await bench.members(2);
    const tokens: bigint[] = [];
    for (const { locks } of [one, two, two, one]) {
      const lock = granted(await locks.tryAcquire(bench.key, { ttlMs: LONG_MS }));
      tokens.push(lock.token);
      await lock.release();
    }
    const lapsed = await one.locks.acquire(bench.key, { ttlMs: bench.ttlMs });
    one.cut();
    const next = await bench.outcome(two.locks.acquire(bench.key, { ttlMs: LONG_MS, waitMs: LONG_MS }));
    tokens.push(lapsed.token, next.token);
    assert.ok(tokens.every((token) => typeof token === 'bigint' && token > 0n));
    assert.ok(
      tokens.every((token, index) => index === 0 || token > (tokens[index - 1] ?? 0n)),
      tokens.join(' '),
    );
  },

  async 'keeps a lock by renewing it, long after its ttl'(bench) {
    const [one, two] = await bench.members(2);
    const lock = await one.locks.acquire(bench.key, { ttlMs: bench.ttlMs });
    for (let third = 0; third < 9; third++) {
      await bench.pass(bench.ttlMs / 3);
      assert.ok(lock.remainingMs() > 0);
      assert.equal(await two.locks.tryAcquire(bench.key, { ttlMs: bench.ttlMs }), undefined);
    }
    assert.equal(lock.signal.aborted, false);
  },

  async 'says what is left, never more than 0.9 of the ttl, and falling by itself'(bench) {
    const [one] = await bench.members(1);
    const lock = await one.locks.acquire(bench.key, { ttlMs: bench.ttlMs });
    const before = lock.remainingMs();
    assert.ok(before > 0 && before <= bench.ttlMs * TRUSTED, `${before} of ${bench.ttlMs}`);
    await bench.pass(bench.ttlMs / 10);
    const after = lock.remainingMs();
    assert.ok(after < before, `${after} after ${before}`);
  },

  async 'tells the holder that it was lost at 0.9 of the ttl, before another gets it'(bench) {
    const [one, two] = await bench.members(2);
    const sent = bench.now();
    const lock = await one.locks.acquire(bench.key, { ttlMs: bench.ttlMs });
    let lostAt = Infinity;
    lock.signal.addEventListener('abort', () => (lostAt = bench.now()));
    one.cut(); // nothing was renewed yet: the acquiring call is the last one acknowledged
    let gotAt = 0;
    const next = two.locks
      .acquire(bench.key, { ttlMs: LONG_MS, waitMs: LONG_MS })
      .then((other) => ((gotAt = bench.now()), other));
    const other = await bench.outcome(next);
    assert.ok(lostAt < gotAt, `lost at ${lostAt}, given away at ${gotAt}`);
    // of real time a busy machine may take a part
    const limit = bench.ttlMs * (bench.fakeTime ? TRUSTED : 1);
    assert.ok(lostAt - sent <= limit, `lost ${lostAt - sent} ms after sending`);
    assert.ok(gotAt - sent >= bench.ttlMs * TRUSTED, `given away after ${gotAt - sent} ms`);
    assert.ok(lock.remainingMs() <= 0);
    const reason: unknown = lock.signal.reason;
    assert.ok(reason instanceof LockLostError, String(reason));
    assert.deepEqual([reason.code, reason.retryable], ['FAILED_PRECONDITION', true]);
    assert.ok(other.token > lock.token);
  },

  async 'keeps a lock through a cut that ends in time'(bench) {
    const [one, two] = await bench.members(2);
    const lock = await one.locks.acquire(bench.key, { ttlMs: bench.ttlMs });
    one.cut();
    await bench.pass(bench.ttlMs * 0.45);
    one.heal();
    await bench.pass(bench.ttlMs * 2);
    assert.ok(lock.remainingMs() > 0);
    assert.equal(await two.locks.tryAcquire(bench.key), undefined);
  },

  async 'releases once, however often it is asked to'(bench) {
    const [one, two] = await bench.members(2);
    const lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    await Promise.all([lock.release(), lock.release()]);
    assert.ok(lock.remainingMs() <= 0);
    const next = granted(await two.locks.tryAcquire(bench.key, { ttlMs: LONG_MS }));
    await lock.release();
    assert.equal(await one.locks.tryAcquire(bench.key), undefined);
    await next.release();
  },

  async 'releases at the end of an await using block'(bench) {
    const [one, two] = await bench.members(2);
    {
      await using lock = await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
      assert.equal(await two.locks.tryAcquire(bench.key), undefined);
      assert.ok(lock.remainingMs() > 0);
    }
    await granted(await two.locks.tryAcquire(bench.key, { ttlMs: LONG_MS })).release();
  },

  async 'never touches the lock of another: releasing a lost one resolves and frees nothing'(bench) {
    const [one, two, three] = await bench.members(3);
    const lost = await one.locks.acquire(bench.key, { ttlMs: bench.ttlMs });
    one.cut();
    const next = await bench.outcome(two.locks.acquire(bench.key, { ttlMs: LONG_MS, waitMs: LONG_MS }));
    await lost.release();
    one.heal();
    await lost.release();
    assert.ok(lost.signal.aborted);
    for (let third = 0; third < 4; third++) {
      assert.equal(await three.locks.tryAcquire(bench.key), undefined);
      await bench.pass(bench.ttlMs / 3);
    }
    assert.ok(next.remainingMs() > 0);
    assert.equal(next.signal.aborted, false);
  },

  async 'gives back what is held when the component closes, and refuses every call from then on'(bench) {
    const [one, two] = await bench.members(2);
    await one.locks.acquire(bench.key, { ttlMs: LONG_MS });
    await one.close();
    await bench.until(async () =>
      granted(await two.locks.tryAcquire(bench.key, { ttlMs: LONG_MS })).release(),
    );
    await assert.rejects(one.locks.tryAcquire(bench.key), isCode('FAILED_PRECONDITION'));
    await assert.rejects(one.locks.acquire(bench.key), isCode('FAILED_PRECONDITION'));
    await assert.rejects(
      one.locks.withLock(bench.key, {}, async () => undefined),
      isCode('FAILED_PRECONDITION'),
    );
  },
};
