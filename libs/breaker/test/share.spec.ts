import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider, type CacheScripts } from '@infra-kit/cache';
import { InfraError } from '@infra-kit/kernel';
import { succeed } from './breakers.js';
import { describeSharing, instance } from './share.suite.js';

/** All instances of one process over one store. */
let store: CacheProvider | undefined;
describeSharing('breakers shared in memory', async () => {
  store ??= await createCache({ driver: 'memory' }, { env: 'test' });
  return store.namespace('shared:');
});

/** A cache whose scripts do what the test wants, and count. */
async function cacheThat(
  answers: () => Promise<never>,
): Promise<{ cache: CacheProvider; calls: () => number }> {
  const cache = await createCache({ driver: 'memory' }, { env: 'test' });
  let calls = 0;
  const scripts: CacheScripts = {
    run: () => {
      calls++;
      return answers();
    },
  };
  Object.defineProperty(cache, 'scripts', { value: scripts });
  return { cache, calls: () => calls };
}

describe('with the cache away, shared breakers', () => {
  const faults: [string, () => Promise<never>][] = [
    ['refuses', () => Promise.reject(new InfraError('UNAVAILABLE', 'away'))],
    ['hangs', () => new Promise(() => undefined)],
  ];
  it.each(faults)('decide locally when it %s, and no call waits for it', async (_how, answers) => {
    const { cache, calls } = await cacheThat(answers);
    const local = { failureThreshold: 2, openStateTimeoutMs: 5000, successThreshold: 1 };
    const { provider, clock, trip } = await instance(cache, { default: local });
    const before = calls();
    const breaker = provider.get('payment');
    for (let call = 0; call < 100; call++) await breaker.execute(succeed);
    expect(calls()).toBe(before); // nothing is asked on the way of a call
    await trip();
    expect(breaker.state).toBe('open');
    await clock.advance(5000);
    expect(await breaker.execute(succeed)).toBe('answer');
    expect(breaker.state).toBe('closed');
    await provider.close();
  });

  it('go on asking when the name of an open one is no well-formed text', async () => {
    const { cache, calls } = await cacheThat(() => Promise.resolve(new Map()) as Promise<never>);
    const { provider, clock, trip } = await instance(cache);
    await trip('half a pair \ud800');
    await clock.advance(1000);
    const before = calls();
    for (let round = 0; round < 5; round++) await clock.advance(1000);
    expect(calls()).toBe(before + 5);
    await provider.close();
  });

  it('say so once, and again when it is back', async () => {
    let away = true;
    const { cache } = await cacheThat(() =>
      away
        ? Promise.reject(new InfraError('UNAVAILABLE', 'away'))
        : (Promise.resolve(new Map()) as Promise<never>),
    );
    const { provider, clock, logger } = await instance(cache);
    for (let round = 0; round < 5; round++) await clock.advance(1000);
    expect(await provider.health()).toMatchObject({
      status: 'degraded',
      detail: { share: expect.stringContaining('locally') },
    });
    away = false;
    for (let round = 0; round < 5; round++) await clock.advance(1000);
    expect(await provider.health()).toMatchObject({ status: 'up', detail: { share: 'up' } });
    expect(logger.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn breakers decide locally, the cache is away',
      'info breakers share their views again',
    ]);
    await provider.close();
  });

  it('never have two exchanges under way', async () => {
    const { cache, calls } = await cacheThat(() => new Promise(() => undefined));
    const { provider, clock, trip } = await instance(cache);
    await trip();
    for (let round = 0; round < 5; round++) await clock.advance(1000);
    expect(calls()).toBe(1);
    await provider.close();
  });

  it('hold no timer once they are closed', async () => {
    const cache = await createCache({ driver: 'memory' }, { env: 'test' });
    const { provider, clock } = await instance(cache);
    expect(clock.pending).toBe(1); // one a provider, whatever the number of breakers
    for (let index = 0; index < 100; index++) provider.get(`b${index}`);
    expect(clock.pending).toBe(1);
    await provider.close();
    expect(clock.pending).toBe(0);
  });
});
