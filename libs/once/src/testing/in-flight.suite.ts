import assert from 'node:assert/strict';
import { OnceInProgressError } from '../once.errors.js';
import { Effect, isCode, type SuiteTest } from './suite-target.js';

/** Two callers at once. */
export const inFlightTests: Readonly<Record<string, SuiteTest>> = {
  'refuses a key in flight, and says when to ask again': async ({ once, another, key }) => {
    const [effect, id] = [new Effect(), key()];
    const elsewhere = await another();
    const running = once.execute(id, effect.held);
    await effect.begun;
    await assert.rejects(elsewhere.execute(id, effect.atOnce), (error: unknown) => {
      assert.ok(error instanceof OnceInProgressError);
      assert.deepEqual([error.code, error.retryable], ['ALREADY_EXISTS', true]);
      assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 1000);
      return true;
    });
    effect.finish();
    await running;
    assert.equal((await elsewhere.execute(id, effect.atOnce)).replayed, true);
    assert.equal(effect.count, 1);
  },

  'lets a waiter have the result of the one that runs': async ({ once, another, key }) => {
    const [effect, id] = [new Effect(), key()];
    const elsewhere = await another();
    const running = once.execute(id, effect.held);
    await effect.begun;
    const waiting = elsewhere.execute(id, effect.atOnce, { onInFlight: 'wait' });
    effect.finish();
    assert.deepEqual(await running, { value: 1, replayed: false });
    assert.deepEqual(await waiting, { value: 1, replayed: true });
  },

  'lets a waiter run itself when the one that runs fails': async ({ once, another, key }) => {
    const [id, begun, gate] = [key(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const elsewhere = await another();
    const failing = once.execute(id, async () => {
      begun.resolve();
      await gate.promise;
      throw new Error('fails');
    });
    await begun.promise;
    const waiting = elsewhere.execute(id, async () => 'mine', { onInFlight: 'wait' });
    gate.resolve();
    await assert.rejects(failing, /fails/);
    assert.deepEqual(await waiting, { value: 'mine', replayed: false });
  },

  'ends a wait after waitMs': async ({ once, another, key }) => {
    const [effect, id] = [new Effect(), key()];
    const elsewhere = await another();
    const running = once.execute(id, effect.held);
    await effect.begun;
    const waiting = elsewhere.execute(id, effect.atOnce, { onInFlight: 'wait', waitMs: 0 });
    await assert.rejects(waiting, OnceInProgressError);
    const cut = elsewhere.execute(id, effect.atOnce, { onInFlight: 'wait', timeoutMs: 50 });
    await assert.rejects(cut, isCode('DEADLINE_EXCEEDED'));
    effect.finish();
    await running;
    assert.equal(effect.count, 1);
  },

  'runs one of 200 at once, and gives all the same': async ({ once, another, key, store }) => {
    const [effect, id] = [new Effect(), key()];
    const elsewhere = await another();
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, at) =>
        (at % 2 === 0 ? once : elsewhere).execute(id, effect.atOnce, { onInFlight: 'wait', waitMs: 25_000 }),
      ),
    );
    assert.equal(all.filter(({ replayed }) => !replayed).length, 1);
    assert.equal(new Set(all.map(({ value }) => value)).size, 1);
    // in a transaction, what began as another one completed the key is rolled back; elsewhere nothing could be
    if (store === 'cache') assert.equal(effect.count, 1);
  },

  'never refuses an honest replay, however many ask': async ({ once, another, key }) => {
    const [effect, id] = [new Effect(), key()];
    const elsewhere = await another();
    await once.execute(id, effect.atOnce, { fingerprint: { a: 1 } });
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        (at % 2 === 0 ? once : elsewhere).execute(id, effect.atOnce, { fingerprint: { a: 1 } }),
      ),
    );
    assert.ok(all.every(({ value, replayed }) => value === 1 && replayed));
  },

  'tells the function when its caller has given up, and completes the key all the same or not at all':
    async ({ once, key, store }) => {
      const [id, controller, seen] = [key(), new AbortController(), Promise.withResolvers<void>()];
      const gate = Promise.withResolvers<void>();
      const running = once.execute(
        id,
        async ({ signal }) => {
          signal.addEventListener('abort', () => seen.resolve());
          controller.abort();
          await gate.promise;
          return 'late';
        },
        { signal: controller.signal },
      );
      await assert.rejects(running, isCode('CANCELLED'));
      await seen.promise;
      gate.resolve();
      const after = await once.execute(id, async () => 'again', { onInFlight: 'wait' });
      assert.equal(after.value, store === 'cache' ? 'late' : 'again');
    },

  'waits for what runs when it is closed': async ({ another, key, once }) => {
    const [effect, id] = [new Effect(), key()];
    const closing = await another();
    const running = closing.execute(id, effect.held);
    await effect.begun;
    const closed = closing.close();
    effect.finish();
    await closed;
    assert.deepEqual(await running, { value: 1, replayed: false });
    assert.equal((await once.execute(id, effect.atOnce)).replayed, true);
  },
};

/** Where one transaction runs at a time, a second call waits for its turn in any case. */
export const serialTests: Readonly<Record<string, SuiteTest>> = {
  'lets a second call have the result of the one that runs': async ({ once, another, key }) => {
    const [effect, id] = [new Effect(), key()];
    const elsewhere = await another();
    const running = once.execute(id, effect.held);
    await effect.begun;
    const second = elsewhere.execute(id, effect.atOnce);
    effect.finish();
    assert.deepEqual(await running, { value: 1, replayed: false });
    assert.deepEqual(await second, { value: 1, replayed: true });
  },
};
