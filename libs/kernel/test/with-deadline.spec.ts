import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { abortError, InfraContext, InfraError, withDeadline } from '@infra-kit/kernel';

const never = (): Promise<never> => new Promise<never>(() => undefined);
const LONG_MS = 60_000;
/** Generous: a deadline of a few milliseconds on a busy machine. */
const PROMPT_MS = 5_000;

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
const listeners = (...signals: AbortSignal[]): number =>
  signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);

describe('the limit', () => {
  it.each([
    ['the call', { timeoutMs: 20 }, LONG_MS, {}],
    ['the context', { timeoutMs: LONG_MS }, LONG_MS, { timeoutMs: 20 }],
    ['the default', { timeoutMs: LONG_MS }, 20, { timeoutMs: LONG_MS }],
  ])('is the nearest of three: %s', async (_whose, options, defaultMs, context) => {
    const started = performance.now();
    const call = InfraContext.run(context, () => withDeadline(options, defaultMs, 'cache.get', never));
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', component: 'cache' });
    expect(performance.now() - started).toBeGreaterThanOrEqual(15);
    expect(performance.now() - started).toBeLessThan(PROMPT_MS);
  });

  it('aborts the signal given to the function with the very error', async () => {
    let seen: AbortSignal | undefined;
    const call = withDeadline({ timeoutMs: 5 }, Infinity, 'cache(sessions).get', (signal) => {
      seen = signal;
      return never();
    });
    const error: unknown = await call.catch((reason: unknown) => reason);
    expect(seen?.aborted).toBe(true);
    expect(seen?.reason).toBe(error);
    expect(error).toMatchObject({ component: 'cache', instance: 'sessions' });
  });

  it('does not wait for a function that minds the signal slowly', async () => {
    let aborted = 0;
    const call = withDeadline({ timeoutMs: 5 }, Infinity, 'db.query', (signal) => {
      signal.addEventListener('abort', () => aborted++);
      return never();
    });
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(aborted).toBe(1);
  });

  it.each([
    ['a timeout of 0', { timeoutMs: 0 }, {}],
    ['a context whose deadline has passed', undefined, { deadline: Date.now() - 1 }],
  ])('that has passed already keeps the function from being called: %s', async (_what, options, context) => {
    let called = false;
    const call = InfraContext.run(context, () =>
      withDeadline(options, Infinity, 'cache.get', async () => {
        called = true;
      }),
    );
    await expect(call).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining('had passed before'),
    });
    expect(called).toBe(false);
  });

  it.each([-1, Number.NaN, '50'])('that is no time is INVALID_ARGUMENT: %p', async (timeoutMs) => {
    let called = false;
    const call = withDeadline({ timeoutMs: timeoutMs as number }, 100, 'cache.get', async () => {
      called = true;
    });
    await expect(call).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`timeoutMs must be milliseconds ≥ 0, got ${String(timeoutMs)}`),
    });
    expect(called).toBe(false);
  });

  it.each([
    ['text', 'string'],
    [null, 'null'],
    [{}, 'object'],
    [new AbortController(), 'object'],
  ])('takes a signal that is none for INVALID_ARGUMENT: %p', async (signal, named) => {
    let called = false;
    const call = withDeadline({ signal: signal as AbortSignal }, Infinity, 'cache.get', async () => {
      called = true;
    });
    await expect(call).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `cache.get: signal must be an AbortSignal, got ${named}`,
    });
    expect(called).toBe(false);
  });

  it('longer than a timer of Node can be does not strike at once', async () => {
    const call = withDeadline(
      { timeoutMs: 2 ** 40, signal: new AbortController().signal },
      Infinity,
      'a.b',
      () => Promise.resolve('answer'),
    );
    await expect(call).resolves.toBe('answer');
    const waiting = withDeadline(
      { timeoutMs: 2 ** 40, signal: new AbortController().signal },
      Infinity,
      'a.b',
      never,
    );
    const first = await Promise.race([
      waiting,
      new Promise((resolve) => setTimeout(resolve, 30, 'still waiting')),
    ]);
    expect(first).toBe('still waiting');
  });
});

describe('a signal', () => {
  it('that aborts ends the call with CANCELLED, its reason as the cause', async () => {
    const caller = new AbortController();
    const call = withDeadline({ signal: caller.signal }, Infinity, 'mq.send', never);
    caller.abort(new Error('user left'));
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED', cause: new Error('user left') });
  });

  it("may be the context's", async () => {
    const caller = new AbortController();
    const call = InfraContext.run({ signal: caller.signal }, () =>
      withDeadline({ signal: new AbortController().signal }, LONG_MS, 'mq.send', never),
    );
    caller.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('that has aborted already keeps the function from being called', async () => {
    let called = false;
    const call = withDeadline({ signal: AbortSignal.abort() }, Infinity, 'mq.send', async () => {
      called = true;
    });
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(called).toBe(false);
  });

  it.each([
    ['AbortSignal.timeout', () => AbortSignal.timeout(5)],
    [
      'an outer deadline',
      () => {
        const outer = new AbortController();
        setTimeout(() => outer.abort(new InfraError('DEADLINE_EXCEEDED', 'outer')), 5);
        return outer.signal;
      },
    ],
  ])('that stands for a deadline stays one: %s', async (_what, signal) => {
    const call = withDeadline({ signal: signal() }, Infinity, 'es.search', never);
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('is the function its own: aborting a caller later, or another call, does not touch it', async () => {
    const seen: AbortSignal[] = [];
    const keep = (signal: AbortSignal): Promise<void> => {
      seen.push(signal);
      return Promise.resolve();
    };
    const caller = new AbortController();
    await withDeadline({ signal: caller.signal }, LONG_MS, 'a.b', keep);
    await withDeadline(undefined, Infinity, 'a.b', keep);
    await withDeadline(undefined, Infinity, 'a.b', keep);
    caller.abort();
    expect(new Set(seen).size).toBe(3);
    expect(seen.map(({ aborted }) => aborted)).toEqual([false, false, false]);
  });
});

describe('the function', () => {
  const ways = [
    ['unlimited', undefined, Infinity],
    ['limited', { timeoutMs: LONG_MS }, Infinity],
  ] as const;

  it.each(ways)('gives its value, %s', async (_way, options, defaultMs) => {
    await expect(withDeadline(options, defaultMs, 'a.b', () => Promise.resolve(7))).resolves.toBe(7);
  });

  it.each(ways)('lets its own error out as the same object, %s', async (_way, options, defaultMs) => {
    const own = new Error('own');
    await expect(withDeadline(options, defaultMs, 'a.b', () => Promise.reject(own))).rejects.toBe(own);
  });

  it.each(ways)('that throws before it returns a promise rejects, %s', async (_way, options, defaultMs) => {
    const own = new Error('at once');
    const call = withDeadline(options, defaultMs, 'a.b', () => {
      throw own;
    });
    await expect(call).rejects.toBe(own);
  });

  it('runs at once, before the call returns', () => {
    let ran = 0;
    for (const [, options, defaultMs] of ways)
      void withDeadline(options, defaultMs, 'a.b', async () => void ran++);
    expect(ran).toBe(2);
  });

  it('that aborts its own caller and throws leaves no rejection behind', async () => {
    const caller = new AbortController();
    const call = withDeadline({ signal: caller.signal }, LONG_MS, 'a.b', () => {
      caller.abort();
      throw new Error('too');
    });
    await expect(call).rejects.toBeDefined();
  });
});

describe('timers and listeners are gone', () => {
  const own = new AbortController();
  const ambient = new AbortController();
  let before = 0;
  beforeEach(() => {
    before = timers();
  });
  afterEach(() => {
    expect(listeners(own.signal, ambient.signal)).toBe(0);
    expect(timers()).toBe(before);
  });

  const call = <T>(fn: (signal: AbortSignal) => Promise<T>, timeoutMs = LONG_MS): Promise<T> =>
    InfraContext.run({ signal: ambient.signal, timeoutMs: LONG_MS }, () =>
      withDeadline({ signal: own.signal, timeoutMs }, LONG_MS, 'a.b', fn),
    );

  it('they are there while the call runs', async () => {
    const gate = Promise.withResolvers<void>();
    const running = call(() => gate.promise);
    expect(listeners(own.signal)).toBe(1);
    expect(listeners(ambient.signal)).toBe(1);
    expect(timers()).toBe(before + 1);
    gate.resolve();
    await running;
  });

  it('after success', async () => {
    await call(() => Promise.resolve());
  });

  it('after a rejection', async () => {
    await expect(call(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('after an error thrown at once', async () => {
    await expect(
      call(() => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
  });

  it('after the deadline, though the function never settles', async () => {
    await expect(call(never, 5)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('after a thousand calls under one long-lived signal', async () => {
    await Promise.all(Array.from({ length: 1_000 }, () => call(() => Promise.resolve())));
  });

  it('when a function breaks its promise and returns none', async () => {
    await expect(call((() => 5) as unknown as () => Promise<number>)).resolves.toBe(5);
  });
});

it('takes its listeners off after an abort too', async () => {
  const own = new AbortController();
  const ambient = new AbortController();
  const call = InfraContext.run({ signal: ambient.signal }, () =>
    withDeadline({ signal: own.signal }, LONG_MS, 'a.b', never),
  );
  own.abort();
  await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(listeners(own.signal, ambient.signal)).toBe(0);
});

describe('abortError', () => {
  it('is CANCELLED for any reason, none included', () => {
    for (const reason of [undefined, null, 'text', new Error('x')])
      expect(abortError('coord.get', reason)).toMatchObject({ code: 'CANCELLED', component: 'coord' });
  });
});
