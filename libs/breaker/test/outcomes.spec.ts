import { describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import { InfraError, type InfraErrorCode } from '@infra-kit/kernel';
import { aBreaker, fail, succeed } from './breakers.js';

const counted = async (error: unknown, policy = {}): Promise<'failure' | 'success' | 'neither'> => {
  const { breaker, outcomeOf } = await aBreaker(policy);
  expect(await outcomeOf(() => Promise.reject(error as Error))).toBe(error);
  const { calls, failures } = breaker.snapshot();
  return calls === 0 ? 'neither' : failures === 1 ? 'failure' : 'success';
};
const http = (fields: object): Error => Object.assign(new Error('http'), fields);
const grpc = (code: number): Error => Object.assign(new Error('grpc'), { code, details: '', metadata: {} });

describe('an error', () => {
  const failures: [string, unknown][] = [
    ['a plain Error', new Error('plain')],
    ['no Error at all', 'text'],
    ['undefined', undefined],
    ...(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'DATA_LOSS', 'UNIMPLEMENTED'] as const).map(
      (code): [string, unknown] => [code, new InfraError(code, 'it failed')],
    ),
    ['HTTP 500 in status', http({ status: 500 })],
    ['HTTP 503 in statusCode', http({ statusCode: 503 })],
    ['HTTP 502 in response.status', http({ response: { status: 502 } })],
    ['a HttpException of 500', new HttpException('x', 500)],
    ['gRPC UNAVAILABLE', grpc(14)],
    ['gRPC DEADLINE_EXCEEDED', grpc(4)],
    ['gRPC INTERNAL', grpc(13)],
    ['a system error', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })],
    ['a timeout of its own', AbortSignal.timeout(0).reason ?? new DOMException('late', 'TimeoutError')],
  ];
  it.each(failures)('that is %s is a failure', async (_name, error) => {
    expect(await counted(error)).toBe('failure');
  });

  const clientErrors: InfraErrorCode[] = [
    'INVALID_ARGUMENT',
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'PERMISSION_DENIED',
    'FAILED_PRECONDITION',
    'RESOURCE_EXHAUSTED',
    'ABORTED',
  ];
  const tolerated: [string, unknown][] = [
    ...clientErrors.map((code): [string, unknown] => [code, new InfraError(code, 'your fault')]),
    ['HTTP 404 in status', http({ status: 404 })],
    ['HTTP 422 in statusCode', http({ statusCode: 422 })],
    ['HTTP 429 in response.status', http({ response: { status: 429 } })],
    ['a HttpException of 400', new HttpException('x', 400)],
    ['gRPC NOT_FOUND', grpc(5)],
    ['gRPC INVALID_ARGUMENT', grpc(3)],
    ['gRPC UNAUTHENTICATED', grpc(16)],
  ];
  it.each(tolerated)('that is %s counts as success', async (_name, error) => {
    expect(await counted(error)).toBe('success');
  });

  it.each([
    ['CANCELLED', new InfraError('CANCELLED', 'gone')],
    ['an AbortError', new DOMException('aborted', 'AbortError')],
    ['gRPC CANCELLED', grpc(1)],
  ])('that is %s is neither', async (_name, error) => {
    expect(await counted(error)).toBe('neither');
  });

  it('is what isIgnored and isFailure say, isIgnored first', async () => {
    const odd = new Error('odd');
    expect(await counted(odd, { isIgnored: () => true, isFailure: () => true })).toBe('neither');
    expect(await counted(odd, { isFailure: () => false })).toBe('success');
    expect(await counted(http({ status: 404 }), { isFailure: () => true })).toBe('failure');
    expect(await counted(http({ status: 404 }), { isIgnored: () => false })).toBe('success');
  });

  it('is a failure whatever the policy says when a time limit struck', async () => {
    const { breaker, clock, outcomeOf } = await aBreaker({
      timeoutMs: 500,
      isFailure: () => false,
      isIgnored: () => true,
    });
    const late = outcomeOf(() => new Promise(() => undefined));
    await clock.advance(500);
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(breaker.snapshot().failures).toBe(1);
  });

  it('comes out although a predicate throws, which is logged', async () => {
    const { breaker, outcomeOf, logger } = await aBreaker({
      isFailure: () => {
        throw new Error('a bug');
      },
    });
    const error = new Error('the call’s own');
    expect(await outcomeOf(() => Promise.reject(error))).toBe(error);
    expect(breaker.snapshot().failures).toBe(1);
    expect(logger.lines.map(({ message }) => message)).toContain('isFailure or isIgnored of a breaker threw');
  });

  it('whose getters throw is a failure, comes out, and leaves neither a probe’s permit nor a place taken', async () => {
    const { breaker, clock, outcomeOf, due } = await aBreaker({
      halfOpenMaxCalls: 1,
      timeoutMs: 500,
      maxConcurrent: 1,
    });
    const error = {
      get status(): number {
        throw new Error('a bug');
      },
    };
    await due();
    expect(await outcomeOf(() => Promise.reject(error))).toBe(error);
    expect(breaker.snapshot()).toMatchObject({ state: 'open', failures: 1, inFlight: 0 });
    await clock.advance(1000);
    expect(await outcomeOf(succeed)).toBe('answer');
  });

  it('that is thrown at once counts and comes out as one that rejects', async () => {
    const { breaker, outcomeOf } = await aBreaker();
    const error = new Error('at once');
    expect(
      await outcomeOf(() => {
        throw error;
      }),
    ).toBe(error);
    expect(breaker.snapshot().failures).toBe(1);
  });
});

describe('a closed breaker', () => {
  it('opens at failureRate exactly, judged after every outcome', async () => {
    const { breaker, outcomeOf } = await aBreaker({
      failureThreshold: 100,
      failureRate: 0.07,
      minimumCalls: 100,
    });
    for (let call = 0; call < 93; call++) await outcomeOf(succeed);
    for (let call = 0; call < 6; call++) await outcomeOf(fail);
    expect(breaker.state).toBe('closed');
    await outcomeOf(fail); // 7 of 100, where 0.07 * 100 is a little more than 7
    expect(breaker.state).toBe('open');
  });

  it('opens by a success that brings it to minimumCalls', async () => {
    const { breaker, outcomeOf } = await aBreaker({
      failureThreshold: 100,
      minimumCalls: 4,
      failureRate: 0.75,
    });
    for (const call of [fail, fail, fail]) await outcomeOf(call);
    expect(breaker.state).toBe('closed');
    await outcomeOf(succeed);
    expect(breaker.snapshot()).toMatchObject({ state: 'open', failureRate: 0.75, calls: 4 });
  });

  it('forgets outcomes that left a count window', async () => {
    const { breaker, outcomeOf } = await aBreaker({
      failureThreshold: 100,
      window: { type: 'count', size: 3 },
      minimumCalls: 3,
      failureRate: 1,
    });
    for (const call of [fail, succeed, succeed, succeed]) await outcomeOf(call);
    expect(breaker.snapshot()).toMatchObject({ calls: 3, failures: 0, failureRate: 0 });
  });

  it('forgets outcomes that left a time window', async () => {
    const { breaker, clock, outcomeOf } = await aBreaker({
      failureThreshold: 100,
      window: { type: 'time', ms: 1000, buckets: 4 },
    });
    await outcomeOf(fail);
    await clock.advance(999);
    expect(breaker.snapshot()).toMatchObject({ calls: 1, failures: 1 });
    await clock.advance(1);
    expect(breaker.snapshot()).toMatchObject({ calls: 0, failures: 0 });
  });

  it('opens by failures in a row whatever the rate', async () => {
    const { breaker, outcomeOf } = await aBreaker({ failureThreshold: 3 });
    for (const call of [fail, fail, succeed, fail, fail]) await outcomeOf(call);
    expect(breaker.state).toBe('closed');
    await outcomeOf(fail);
    expect(breaker.state).toBe('open');
  });

  it('opens because calls are slow, successes and failures alike', async () => {
    const { breaker, clock, outcomeOf } = await aBreaker({
      failureThreshold: 100,
      failureRate: 1,
      minimumCalls: 2,
      slowCallMs: 100,
      slowCallRate: 0.5,
    });
    await outcomeOf(succeed);
    const slow = outcomeOf(async () => clock.sleep(100));
    await clock.advance(100);
    await slow;
    expect(breaker.snapshot()).toMatchObject({ state: 'open', slowRate: 0.5, failureRate: 0 });
  });
});
