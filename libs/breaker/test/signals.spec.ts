import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { InfraContext } from '@infra-kit/kernel';
import { BreakerTimeoutError, BulkheadFullError } from '../src/index.js';
import { aBreaker, DOWN, fail, succeed } from './breakers.js';

const hang = (_signal: AbortSignal): Promise<never> => new Promise(() => undefined);
/** Counts the controllers made while `run` runs. */
async function controllersMade(run: () => Promise<unknown>): Promise<number> {
  const Real = globalThis.AbortController;
  let made = 0;
  globalThis.AbortController = class extends Real {
    constructor() {
      super();
      made++;
    }
  };
  try {
    await run();
  } finally {
    globalThis.AbortController = Real;
  }
  return made;
}

describe('a bad option of a call', () => {
  it.each([
    ['signal', { signal: {} as AbortSignal }, /signal must be an AbortSignal/],
    ['timeoutMs', { timeoutMs: -1 }, /timeoutMs must be milliseconds/],
    ['fallback', { fallback: 'later' as never }, /fallback must be a function/],
  ])('%s is refused, and is no failure of what the breaker protects', async (_name, options, message) => {
    const { breaker } = await aBreaker();
    await expect(breaker.execute(succeed, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect(breaker.snapshot().calls).toBe(0);
  });
});

describe('the signal of a call', () => {
  it('is a fresh one each time: one that was aborted does not kill the calls after it', async () => {
    const { breaker, clock, outcomeOf } = await aBreaker({ timeoutMs: 100, failureThreshold: 10 });
    const seen: AbortSignal[] = [];
    const timedOut = outcomeOf((signal) => {
      seen.push(signal);
      return hang(signal);
    });
    await clock.advance(100);
    expect(await timedOut).toBeInstanceOf(BreakerTimeoutError);
    expect(seen[0]?.aborted).toBe(true);
    expect(seen[0]?.reason).toBeInstanceOf(BreakerTimeoutError);
    const answer = await breaker.execute(async (signal) => {
      seen.push(signal);
      signal.throwIfAborted();
      return 'alive';
    });
    expect(answer).toBe('alive');
    expect(new Set(seen).size).toBe(2);
  });

  it('is made only for a function that declares it, or under a time limit', async () => {
    const plain = await aBreaker();
    expect(await controllersMade(() => plain.breaker.execute(async () => 1))).toBe(0);
    expect(await controllersMade(() => plain.breaker.execute(async (_signal) => 1))).toBe(1);
    expect(await controllersMade(() => plain.breaker.execute(async () => 1, { timeoutMs: 50 }))).toBe(1);
    const limited = await aBreaker({ timeoutMs: 100 });
    expect(await controllersMade(() => limited.breaker.execute(async () => 1))).toBe(1);
    const caller = new AbortController();
    expect(await controllersMade(() => plain.breaker.execute(async () => 1, { signal: caller.signal }))).toBe(
      0,
    );
  });

  it('aborts with the caller’s, and the caller is answered at once although the work goes on', async () => {
    const { breaker } = await aBreaker();
    const caller = new AbortController();
    let signal: AbortSignal | undefined;
    const call = breaker.execute((own) => hang((signal = own)), { signal: caller.signal });
    caller.abort(new Error('the client went away'));
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(signal?.aborted).toBe(true);
    expect(signal).not.toBe(caller.signal);
  });

  it('leaves no listener on the caller’s signal', async () => {
    const { breaker } = await aBreaker();
    const caller = new AbortController();
    const listeners = (): number => getEventListeners(caller.signal, 'abort').length;
    const during: number[] = [];
    const work = async (): Promise<void> => void during.push(listeners());
    await breaker.execute(work, { signal: caller.signal });
    await breaker.execute(() => work().then(fail), { signal: caller.signal }).catch(() => undefined);
    expect(during).toEqual([1, 1]);
    expect(listeners()).toBe(0);
  });
});

describe('time limits', () => {
  it('are the nearest of the call’s own and the policy’s, and count as failures', async () => {
    const { breaker, clock, outcomeOf } = await aBreaker({ timeoutMs: 500 });
    const own = outcomeOf(hang, { timeoutMs: 200 });
    await clock.advance(200);
    expect(await own).toMatchObject({
      name: 'BreakerTimeoutError',
      code: 'DEADLINE_EXCEEDED',
      breaker: 'payment',
    });
    const policys = outcomeOf(hang, { timeoutMs: 9000 });
    await clock.advance(500);
    expect(await policys).toBeInstanceOf(BreakerTimeoutError);
    expect(breaker.state).toBe('open');
    expect(clock.pending).toBe(0);
  });

  it('cover a function without a signal too, and what it does later hurts nobody', async () => {
    const { clock, outcomeOf, breaker } = await aBreaker({ timeoutMs: 100 });
    const work = Promise.withResolvers<string>();
    const call = outcomeOf(() => work.promise);
    await clock.advance(100);
    expect(await call).toBeInstanceOf(BreakerTimeoutError);
    work.reject(DOWN);
    await clock.advance(1);
    expect(breaker.snapshot()).toMatchObject({ failures: 1, calls: 1 });
  });

  it('include the ambient deadline, which is real time', async () => {
    const { breaker } = await aBreaker();
    const call = InfraContext.run({ timeoutMs: 20 }, () => breaker.execute(hang));
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(breaker.snapshot().failures).toBe(1);
  });

  it('that have passed before the call keep it from being made, and nothing is counted', async () => {
    const { breaker, outcomeOf } = await aBreaker();
    let called = false;
    const work = async (): Promise<void> => void (called = true);
    const late = InfraContext.run({ deadline: Date.now() - 5 }, () => outcomeOf(work));
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await outcomeOf(work, { timeoutMs: 0 })).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(called).toBe(false);
    expect(breaker.snapshot().calls).toBe(0);
  });
});

describe('a cancelled call', () => {
  it('is neither success nor failure, by the call’s signal or the ambient one, before and during the call', async () => {
    const { breaker, outcomeOf } = await aBreaker();
    const during = new AbortController();
    const own = outcomeOf(hang, { signal: during.signal });
    const ambient = InfraContext.run({ signal: during.signal }, () => outcomeOf(hang));
    during.abort();
    for (const call of [own, ambient, outcomeOf(hang, { signal: during.signal })])
      expect(await call).toMatchObject({ code: 'CANCELLED' });
    expect(breaker.snapshot()).toMatchObject({ calls: 0, consecutiveFailures: 0 });
  });

  it('is not counted either when the work itself fails because of it', async () => {
    const { breaker, outcomeOf } = await aBreaker();
    const caller = new AbortController();
    const call = outcomeOf(
      () =>
        new Promise((_resolve, reject) => {
          caller.signal.addEventListener('abort', () => reject(DOWN));
          caller.abort();
        }),
      { signal: caller.signal },
    );
    expect(await call).toBe(DOWN);
    expect(breaker.snapshot().calls).toBe(0);
  });
});

describe('maxConcurrent', () => {
  it('refuses what is beyond it with RESOURCE_EXHAUSTED, counts nothing, and frees the place however a call ends', async () => {
    const { breaker, clock, outcomeOf } = await aBreaker({
      maxConcurrent: 2,
      timeoutMs: 100,
      failureThreshold: 10,
    });
    const work = Promise.withResolvers<string>();
    const first = outcomeOf(() => work.promise);
    const hung = outcomeOf(hang);
    const refused = await outcomeOf(succeed);
    expect(refused).toBeInstanceOf(BulkheadFullError);
    expect(refused).toMatchObject({ code: 'RESOURCE_EXHAUSTED', breaker: 'payment' });
    expect(breaker.snapshot()).toMatchObject({ calls: 0, inFlight: 2, notPermitted: 0 });
    await clock.advance(100);
    await Promise.all([first, hung]);
    expect(breaker.snapshot().inFlight).toBe(0);
    expect(await outcomeOf(succeed)).toBe('answer');
    expect(await outcomeOf(fail)).toBe(DOWN);
    expect(breaker.snapshot().inFlight).toBe(0);
  });

  it('takes no permit of a half-open breaker from a call that it refuses', async () => {
    const { breaker, outcomeOf, due } = await aBreaker({ maxConcurrent: 2, halfOpenMaxCalls: 2 });
    const work = Promise.withResolvers<string>();
    const old = outcomeOf(() => work.promise);
    await due();
    void outcomeOf(hang);
    expect(await outcomeOf(succeed)).toBeInstanceOf(BulkheadFullError);
    expect(breaker.snapshot()).toMatchObject({ state: 'half-open', probes: 1 });
    work.resolve('done');
    await old;
    void outcomeOf(hang);
    expect(breaker.snapshot().probes).toBe(2);
  });
});
