import { describe, expect, it } from '@jest/globals';
import { InfraError } from '@infra-kit/kernel';
import { BreakerOpenError, BreakerTimeoutError, BulkheadFullError } from '../src/index.js';
import { aBreaker, DOWN, fail, succeed } from './breakers.js';

const hang = (): Promise<never> => new Promise(() => undefined);

describe('a fallback', () => {
  it('answers when the breaker is open, isolated or full, when the call timed out, and for a counted failure', async () => {
    const { breaker, clock, open, outcomeOf } = await aBreaker({
      timeoutMs: 100,
      maxConcurrent: 1,
      failureThreshold: 3,
    });
    const errors: unknown[] = [];
    const fallback = (error: unknown): string => {
      errors.push(error);
      return 'instead';
    };
    expect(await outcomeOf(fail, { fallback })).toBe('instead');
    const hung = outcomeOf(hang, { fallback });
    expect(await outcomeOf(succeed, { fallback })).toBe('instead');
    await clock.advance(100);
    expect(await hung).toBe('instead');
    await open();
    expect(await outcomeOf(succeed, { fallback })).toBe('instead');
    breaker.isolate();
    expect(await outcomeOf(succeed, { fallback })).toBe('instead');
    expect(errors).toEqual([
      DOWN,
      expect.any(BulkheadFullError),
      expect.any(BreakerTimeoutError),
      expect.any(BreakerOpenError),
      expect.any(BreakerOpenError),
    ]);
  });

  it('is not asked for what is ignored, for client errors, for cancelled calls, nor for answers', async () => {
    const { outcomeOf } = await aBreaker({ isIgnored: (error) => error === 'ignored' });
    const fallback = (): string => 'instead';
    const notFound = new InfraError('NOT_FOUND', 'no such thing');
    expect(await outcomeOf(() => Promise.reject(notFound), { fallback })).toBe(notFound);
    expect(await outcomeOf(() => Promise.reject('ignored' as unknown as Error), { fallback })).toBe(
      'ignored',
    );
    expect(await outcomeOf(succeed, { fallback, signal: AbortSignal.abort() })).toMatchObject({
      code: 'CANCELLED',
    });
    expect(await outcomeOf(succeed, { fallback })).toBe('answer');
  });

  it('may be asynchronous, and what it throws comes out', async () => {
    const { breaker, outcomeOf, open } = await aBreaker();
    expect(await outcomeOf(fail, { fallback: async () => 'later' })).toBe('later');
    const worse = new Error('worse');
    const throws = (): never => {
      throw worse;
    };
    expect(await outcomeOf(fail, { fallback: throws })).toBe(worse);
    await open();
    expect(await outcomeOf(succeed, { fallback: throws })).toBe(worse);
    expect(breaker.state).toBe('open');
  });

  it('hides the failure from the caller, not from the breaker', async () => {
    const { breaker, outcomeOf } = await aBreaker({ failureThreshold: 2 });
    for (let call = 0; call < 2; call++) await outcomeOf(fail, { fallback: () => 'instead' });
    expect(breaker.state).toBe('open');
  });

  it('and other options are refused when they are none: INVALID_ARGUMENT, nothing counted', async () => {
    const { breaker, outcomeOf } = await aBreaker();
    const invalid = { code: 'INVALID_ARGUMENT' };
    expect(await outcomeOf(succeed, { fallback: 'name' as never })).toMatchObject(invalid);
    expect(await outcomeOf(succeed, { timeoutMs: -1 })).toMatchObject(invalid);
    expect(await outcomeOf(undefined as never)).toMatchObject(invalid);
    expect(breaker.snapshot().calls).toBe(0);
  });
});
