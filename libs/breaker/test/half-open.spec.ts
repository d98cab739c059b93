import { describe, expect, it } from '@jest/globals';
import { InfraError } from '@infra-kit/kernel';
import { BreakerOpenError } from '../src/index.js';
import { aBreaker, DOWN, fail, succeed, type Scene } from './breakers.js';

/** A call that ends when told. */
function probe({ breaker }: Scene, options?: { signal?: AbortSignal }) {
  const work = Promise.withResolvers<string>();
  let started = false;
  const result = breaker.execute((_signal) => {
    started = true;
    return work.promise;
  }, options);
  const ended = result.then(
    (value) => value,
    (error: unknown) => error,
  );
  return { ...work, ended, started };
}

describe('a half-open breaker', () => {
  it.each([1, 5, 17])(
    'lets exactly %d of 1,000 callers pass that arrive at once',
    async (halfOpenMaxCalls) => {
      const scene = await aBreaker({ halfOpenMaxCalls, successThreshold: halfOpenMaxCalls });
      await scene.due();
      const arrivals = Array.from({ length: 1000 }, () => probe(scene));
      expect(arrivals.filter(({ started }) => started).length).toBe(halfOpenMaxCalls);
      for (const { resolve } of arrivals) resolve('answer');
      const answers = await Promise.all(arrivals.map(({ ended }) => ended));
      expect(answers.filter((answer) => answer === 'answer').length).toBe(halfOpenMaxCalls);
      expect(answers.filter((answer) => answer instanceof BreakerOpenError).length).toBe(
        1000 - halfOpenMaxCalls,
      );
      expect(scene.breaker.state).toBe('closed');
    },
  );

  it('is closed by successThreshold successes and reopened by the first counted failure', async () => {
    const scene = await aBreaker({ halfOpenMaxCalls: 1, successThreshold: 2 });
    await scene.due();
    await scene.breaker.execute(succeed);
    expect(scene.breaker.state).toBe('half-open');
    await scene.outcomeOf(fail);
    expect(scene.breaker.state).toBe('open');
    await scene.clock.advance(1000);
    await scene.breaker.execute(succeed);
    await scene.breaker.execute(succeed);
    expect(scene.breaker.state).toBe('closed');
  });

  it.each([
    ['ignored', (scene: Scene) => scene.outcomeOf(() => Promise.reject(new InfraError('CANCELLED', 'gone')))],
    [
      'thrown at once and ignored',
      (scene: Scene) =>
        scene.outcomeOf(() => {
          throw new InfraError('CANCELLED', 'gone');
        }),
    ],
    [
      'cancelled by its caller',
      async (scene: Scene) => {
        const caller = new AbortController();
        const call = probe(scene, { signal: caller.signal });
        caller.abort();
        await call.ended;
      },
    ],
    [
      'given up by its caller before it began',
      (scene: Scene) => scene.outcomeOf(succeed, { signal: AbortSignal.abort() }),
    ],
    ['refused for its options', (scene: Scene) => scene.outcomeOf(succeed, { timeoutMs: Number.NaN })],
  ])('is not stuck when its last probe was %s: the permit is back', async (_what, end) => {
    const scene = await aBreaker({ halfOpenMaxCalls: 1, successThreshold: 1 });
    await scene.due();
    await end(scene);
    expect(scene.breaker.state).not.toBe('closed');
    expect(await scene.outcomeOf(succeed)).toBe('answer');
    expect(scene.breaker.state).toBe('closed');
  });

  it('takes the permit of a hung probe back after the open time; what it says then changes nothing', async () => {
    const scene = await aBreaker({ halfOpenMaxCalls: 1, successThreshold: 1 });
    await scene.due();
    const hung = probe(scene);
    await scene.clock.advance(400);
    const refused = await scene.outcomeOf(succeed);
    expect(refused).toBeInstanceOf(BreakerOpenError);
    expect((refused as BreakerOpenError).retryAfterMs).toBe(600);
    await scene.clock.advance(600);
    const next = probe(scene);
    expect(next.started).toBe(true);
    hung.reject(DOWN);
    await hung.ended;
    expect(scene.breaker.state).toBe('half-open');
    next.resolve('answer');
    await next.ended;
    expect(scene.breaker.state).toBe('closed');
  });

  it('counts a hung probe as a failure when its time limit strikes', async () => {
    const scene = await aBreaker({ halfOpenMaxCalls: 1, timeoutMs: 300 });
    await scene.due();
    const hung = probe(scene);
    expect(((await scene.outcomeOf(succeed)) as BreakerOpenError).retryAfterMs).toBe(300);
    await scene.clock.advance(300);
    expect(await hung.ended).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(scene.breaker.state).toBe('open');
  });

  it('opens again when its probes succeed too slowly', async () => {
    const scene = await aBreaker({ slowCallMs: 100, successThreshold: 2 });
    await scene.due();
    for (const ms of [150, 100]) {
      const call = probe(scene);
      await scene.clock.advance(ms);
      call.resolve('late');
      await call.ended;
    }
    expect(scene.breaker.state).toBe('open');
  });
});

describe('a result that belongs to an earlier period', () => {
  it('changes nothing: neither failures of the closed state while open or half-open, nor after a reset', async () => {
    const scene = await aBreaker({ failureThreshold: 2, successThreshold: 1, halfOpenMaxCalls: 2 });
    const early = [probe(scene), probe(scene), probe(scene)];
    await scene.due();
    const now = probe(scene);
    expect(scene.breaker.state).toBe('half-open');
    early[0]?.reject(DOWN);
    early[1]?.resolve('late');
    await Promise.all([early[0]?.ended, early[1]?.ended]);
    expect(scene.breaker.snapshot()).toMatchObject({ state: 'half-open', calls: 0, probes: 1 });
    scene.breaker.reset();
    early[2]?.reject(DOWN);
    now.reject(DOWN);
    await Promise.all([early[2]?.ended, now.ended]);
    expect(scene.breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0, consecutiveFailures: 0 });
  });

  it('is not counted by a breaker that was closed before and after the reset', async () => {
    const scene = await aBreaker();
    const before = [probe(scene), probe(scene)];
    scene.breaker.reset();
    for (const call of before) call.reject(DOWN);
    await Promise.all(before.map(({ ended }) => ended));
    expect(scene.breaker.snapshot()).toMatchObject({ state: 'closed', calls: 0 });
  });

  it('of one half-open period is not counted in the next, neither success nor failure', async () => {
    // a time limit beyond the open time: its probes outlive their period and are not given up
    const scene = await aBreaker({ halfOpenMaxCalls: 3, successThreshold: 2, timeoutMs: 5000 });
    await scene.due();
    const old = [probe(scene), probe(scene)];
    await scene.outcomeOf(fail);
    await scene.clock.advance(1000);
    const next = probe(scene);
    old[0]?.resolve('late');
    old[1]?.reject(DOWN);
    await Promise.all(old.map(({ ended }) => ended));
    next.resolve('answer');
    await next.ended;
    expect(scene.breaker.snapshot()).toMatchObject({ state: 'half-open', calls: 1 });
  });
});

describe('repeated opening', () => {
  it('lasts twice as long each time up to maxOpenStateTimeoutMs, and begins anew once it was closed', async () => {
    const scene = await aBreaker({ maxOpenStateTimeoutMs: 3000, successThreshold: 1 });
    await scene.open();
    for (const ms of [1000, 2000, 3000, 3000]) {
      const refused = (await scene.outcomeOf(succeed)) as BreakerOpenError;
      expect(refused.retryAfterMs).toBe(ms);
      await scene.clock.advance(ms - 1);
      expect(await scene.outcomeOf(succeed)).toBeInstanceOf(BreakerOpenError);
      await scene.clock.advance(1);
      await scene.outcomeOf(fail);
    }
    await scene.clock.advance(3000);
    await scene.breaker.execute(succeed);
    expect(scene.breaker.state).toBe('closed');
    await scene.open();
    expect(((await scene.outcomeOf(succeed)) as BreakerOpenError).retryAfterMs).toBe(1000);
  });

  it('stays the same without maxOpenStateTimeoutMs; the state is open until the next call', async () => {
    const scene = await aBreaker();
    await scene.due();
    expect(scene.breaker.state).toBe('open');
    await scene.outcomeOf(fail);
    expect(((await scene.outcomeOf(succeed)) as BreakerOpenError).retryAfterMs).toBe(1000);
  });
});
