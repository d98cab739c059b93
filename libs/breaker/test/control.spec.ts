import { describe, expect, it } from '@jest/globals';
import { BreakerOpenError, createBreaker, type BreakerEvent } from '../src/index.js';
import { aBreaker, DOWN, fail, succeed } from './breakers.js';
import { QuietLogger } from './quiet-logger.js';

describe('an open breaker', () => {
  it('refuses with UNAVAILABLE and says when to come again; the work is not begun, no stack is captured', async () => {
    const { breaker, clock, open, outcomeOf } = await aBreaker();
    await open();
    await clock.advance(250.5);
    let begun = false;
    const refused = await outcomeOf(async () => void (begun = true));
    expect(begun).toBe(false);
    expect(refused).toBeInstanceOf(BreakerOpenError);
    expect(refused).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      retryAfterMs: 750,
      breaker: 'payment',
    });
    expect((refused as Error).message).toContain("'payment' is open");
    expect((refused as Error).stack).not.toContain('\n    at ');
    expect(new Error('others keep theirs').stack).toContain('\n    at ');
    expect(breaker.snapshot()).toMatchObject({
      state: 'open',
      notPermitted: 1,
      openUntil: Math.ceil(clock.now() + 749.5),
    });
  });

  it('does not keep the process’ eye: a refusal that is awaited is never reported as unhandled', async () => {
    const { open, breaker } = await aBreaker();
    await open();
    const reported: unknown[] = [];
    const onReport = (error: unknown): void => void reported.push(error);
    process.on('unhandledRejection', onReport);
    await expect(breaker.execute(succeed)).rejects.toBeInstanceOf(BreakerOpenError);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onReport);
    expect(reported).toEqual([]);
  });
});

describe('isolate and reset', () => {
  it('isolate refuses every call until reset, whatever time passes', async () => {
    const { breaker, clock, outcomeOf } = await aBreaker();
    breaker.isolate();
    await clock.advance(1e9);
    const refused = await outcomeOf(succeed);
    expect(refused).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: undefined });
    expect(breaker.state).toBe('isolated');
    breaker.reset();
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', notPermitted: 0, calls: 0 });
    expect(await outcomeOf(succeed)).toBe('answer');
  });

  it('reset of a closed breaker counts anew, and goes on counting', async () => {
    const { breaker, outcomeOf } = await aBreaker();
    await outcomeOf(fail);
    breaker.reset();
    expect(breaker.snapshot()).toMatchObject({ calls: 0, consecutiveFailures: 0 });
    for (const call of [succeed, fail, fail]) await outcomeOf(call);
    expect(breaker.snapshot()).toMatchObject({ state: 'open', calls: 3, failures: 2 });
  });

  it('reset closes from open and from half-open, with zero counts', async () => {
    const { breaker, due, open, outcomeOf } = await aBreaker({ successThreshold: 2 });
    await open();
    breaker.reset();
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, failures: 0 });
    await due();
    await outcomeOf(succeed);
    expect(breaker.state).toBe('half-open');
    breaker.reset();
    expect(breaker.state).toBe('closed');
  });
});

describe('a disabled breaker', () => {
  it('lets everything pass uncounted; its limits stay', async () => {
    const { breaker, outcomeOf, clock } = await aBreaker({
      enabled: false,
      timeoutMs: 100,
      maxConcurrent: 1,
    });
    for (let call = 0; call < 20; call++) expect(await outcomeOf(fail)).toBe(DOWN);
    expect(breaker.snapshot()).toMatchObject({ state: 'disabled', calls: 0 });
    const hung = outcomeOf(() => new Promise(() => undefined));
    expect(await outcomeOf(succeed)).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await clock.advance(100);
    expect(await hung).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('is left by isolate, and found again by reset', async () => {
    const { breaker, outcomeOf } = await aBreaker({ enabled: false });
    breaker.isolate();
    expect(await outcomeOf(succeed)).toBeInstanceOf(BreakerOpenError);
    breaker.reset();
    expect(breaker.state).toBe('disabled');
  });
});

describe('events', () => {
  it('tell every change with its reason and a snapshot taken behind it', async () => {
    const { breaker, clock, due, outcomeOf, open } = await aBreaker({ successThreshold: 1 });
    const seen: BreakerEvent[] = [];
    breaker.onStateChange((event) => seen.push(event));
    await due();
    await outcomeOf(fail);
    await clock.advance(1000);
    await outcomeOf(succeed);
    await open();
    breaker.isolate();
    breaker.isolate();
    breaker.reset();
    breaker.reset();
    expect(seen.map(({ from, to, reason }) => `${from} > ${to}: ${reason}`)).toEqual([
      'closed > open: consecutive-failures',
      'open > half-open: open-time-over',
      'half-open > open: probe-failed',
      'open > half-open: open-time-over',
      'half-open > closed: probes-succeeded',
      'closed > open: consecutive-failures',
      'open > isolated: isolated',
      'isolated > closed: reset',
    ]);
    expect(seen.map(({ name }) => name)).toEqual(seen.map(() => 'payment'));
    expect(seen.map(({ snapshot }) => snapshot.state)).toEqual(seen.map(({ to }) => to));
    expect(seen[0]?.snapshot).toMatchObject({ failures: 2, calls: 2, failureRate: 1 });
  });

  it('hurt nobody when a listener throws or rejects: the call, the state and the other listeners go on', async () => {
    const { breaker, logger, open, outcomeOf } = await aBreaker();
    const heard: string[] = [];
    breaker.onStateChange(() => {
      throw new Error('a listener’s bug');
    });
    const later: (event: BreakerEvent) => unknown = async () => {
      throw new Error('a listener’s later bug');
    };
    breaker.onStateChange(later as (event: BreakerEvent) => void);
    breaker.onStateChange(({ to }) => heard.push(to));
    await open();
    expect(await outcomeOf(succeed)).toBeInstanceOf(BreakerOpenError);
    expect(heard).toEqual(['open']);
    expect(logger.lines.filter(({ message }) => message === 'a listener of a breaker failed').length).toBe(2);
  });

  it('come in order although a listener changes the state itself', async () => {
    const { breaker, outcomeOf } = await aBreaker();
    const heard: string[] = [];
    breaker.onStateChange(({ to }) => {
      if (to === 'open') breaker.reset();
    });
    breaker.onStateChange(({ to }) => heard.push(to));
    for (const call of [fail, fail]) await outcomeOf(call);
    expect(heard).toEqual(['open', 'closed']);
  });

  it('stop when the listener is disposed of', async () => {
    const { breaker } = await aBreaker();
    const heard: string[] = [];
    const listening = breaker.onStateChange(({ to }) => heard.push(to));
    breaker.isolate();
    listening[Symbol.dispose]();
    breaker.reset();
    expect(heard).toEqual(['isolated']);
  });

  it('are lines of the log too, with what led to them', async () => {
    const { logger, open } = await aBreaker();
    await open();
    expect(logger.lines).toEqual([
      {
        level: 'warn',
        message: 'breaker opened',
        fields: expect.objectContaining({
          breaker: 'payment',
          reason: 'consecutive-failures',
          failureRate: 1,
        }),
      },
    ]);
  });
});

describe('a closed provider', () => {
  it('refuses every call at once, is down, and closes twice', async () => {
    const provider = await createBreaker({}, { env: 'test', logger: new QuietLogger() });
    const breaker = provider.get('payment');
    await breaker.execute(succeed);
    await provider.close();
    await provider.close();
    const closed = expect.objectContaining({ code: 'FAILED_PRECONDITION' }) as unknown;
    await expect(breaker.execute(succeed)).rejects.toEqual(closed);
    for (const call of [
      () => provider.get('other'),
      () => provider.all(),
      () => breaker.reset(),
      () => breaker.isolate(),
      () => breaker.snapshot(),
      () => breaker.onStateChange(() => undefined),
    ])
      expect(call).toThrow(closed as Error);
    expect(await provider.health()).toMatchObject({ status: 'down' });
  });
});

describe('health', () => {
  it('is degraded while a breaker is not closed, and names it', async () => {
    const provider = await createBreaker({}, { env: 'test', logger: new QuietLogger() });
    provider.get('payment');
    expect(await provider.health()).toEqual({ status: 'up', detail: { breakers: 1, notClosed: {} } });
    provider.get('mail').isolate();
    expect(await provider.health()).toEqual({
      status: 'degraded',
      detail: { breakers: 2, notClosed: { mail: 'isolated' } },
    });
    await provider.close();
  });
});
