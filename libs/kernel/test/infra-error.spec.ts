import { describe, expect, it } from '@jest/globals';
import {
  codeOfHttpStatus,
  grpcStatusOf,
  httpStatusOf,
  InfraError,
  isInfraError,
  LockLostError,
  messageOf,
  type InfraErrorCode,
} from '@infra-kit/kernel';

const STATUS: Record<InfraErrorCode, number> = {
  INVALID_ARGUMENT: 400,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  DATA_LOSS: 500,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};
const CODES = Object.keys(STATUS) as InfraErrorCode[];

describe('InfraError', () => {
  it('carries what it is given', () => {
    const cause = new Error('socket');
    const error = new InfraError('UNAVAILABLE', 'cache(sessions): away', {
      component: 'cache',
      instance: 'sessions',
      retryable: false,
      retryAfterMs: 250,
      httpStatus: 502,
      cause,
    });
    expect(error).toMatchObject({
      name: 'InfraError',
      code: 'UNAVAILABLE',
      message: 'cache(sessions): away',
      component: 'cache',
      instance: 'sessions',
      retryable: false,
      retryAfterMs: 250,
      httpStatus: 502,
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.stack).toContain('InfraError: cache(sessions): away');
  });

  it.each(CODES)('%s is retryable by default only when a retry may help', (code) => {
    expect(new InfraError(code, 'x').retryable).toBe(code === 'UNAVAILABLE' || code === 'ABORTED');
    expect(new InfraError(code, 'x', { retryable: true }).retryable).toBe(true);
  });

  it.each(CODES)('%s has its HTTP status, which an own one overrides', (code) => {
    expect(httpStatusOf(new InfraError(code, 'x'))).toBe(STATUS[code]);
    expect(httpStatusOf(new InfraError(code, 'x', { httpStatus: 418 }))).toBe(418);
  });

  it('with a code of a later version counts as INTERNAL', () => {
    const code = 'UNAUTHENTICATED' as InfraErrorCode;
    expect([httpStatusOf(new InfraError(code, 'x')), grpcStatusOf(code)]).toEqual([500, 13]);
  });

  it('has the numbers of gRPC, each once', () => {
    expect(grpcStatusOf('NOT_FOUND')).toBe(5);
    expect(grpcStatusOf('RESOURCE_EXHAUSTED')).toBe(8);
    expect(new Set(CODES.map(grpcStatusOf)).size).toBe(CODES.length);
  });

  it('toJSON says what a log line needs, without stack and cause', () => {
    const error = new InfraError('ABORTED', 'conflict', {
      component: 'db',
      retryAfterMs: 5,
      cause: new Error('x'),
    });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'InfraError',
      code: 'ABORTED',
      message: 'conflict',
      component: 'db',
      retryable: true,
      retryAfterMs: 5,
    });
  });
});

describe('InfraError.from', () => {
  it('gives an InfraError back as the same object', () => {
    const error = new InfraError('NOT_FOUND', 'x');
    expect(InfraError.from(error, { component: 'other', code: 'INTERNAL' })).toBe(error);
  });

  it('wraps anything else, the code given, the cause kept', () => {
    const cause = new Error('WRONGTYPE');
    expect(
      InfraError.from(cause, { component: 'cache', instance: 's', code: 'FAILED_PRECONDITION' }),
    ).toMatchObject({
      code: 'FAILED_PRECONDITION',
      component: 'cache',
      instance: 's',
      message: 'WRONGTYPE',
      cause,
    });
  });

  it.each([
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'UNAVAILABLE'],
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'UNAVAILABLE'],
    [Object.assign(new Error('x'), { code: 'ETIMEDOUT' }), 'DEADLINE_EXCEEDED'],
    [AbortSignal.abort().reason, 'CANCELLED'],
    [new DOMException('late', 'TimeoutError'), 'DEADLINE_EXCEEDED'],
    [Object.assign(new Error('x'), { code: '23505' }), 'ALREADY_EXISTS'],
    [Object.assign(new Error('x'), { code: '23503' }), 'FAILED_PRECONDITION'],
    [Object.assign(new Error('x'), { code: '40001' }), 'ABORTED'],
    [Object.assign(new Error('x'), { name: 'OptimisticLockError' }), 'ABORTED'],
    [Object.assign(new Error('x'), { code: '99999' }), 'INTERNAL'],
    [Object.assign(new Error('x'), { code: 'EPERM' }), 'INTERNAL'],
    [new Error('x'), 'INTERNAL'],
    ['text', 'INTERNAL'],
    [undefined, 'INTERNAL'],
  ])('reads the code off %p where none is given', (error, code) => {
    expect(InfraError.from(error, { component: 'db' }).code).toBe(code);
  });
});

describe('isInfraError', () => {
  it('holds for subclasses and across two copies of the package', async () => {
    const again: string = '../src/errors/infra-error.js?copy';
    const copy = (await import(again)) as typeof import('../src/errors/infra-error.js');
    const foreign = new copy.InfraError('NOT_FOUND', 'from the other copy');
    expect(foreign).not.toBeInstanceOf(InfraError);
    expect(isInfraError(foreign)).toBe(true);
    expect(InfraError.from(foreign)).toBe(foreign);
    expect(isInfraError(new LockLostError('lost'))).toBe(true);
  });

  it.each([undefined, null, 'NOT_FOUND', new Error('x'), { code: 'NOT_FOUND' }])(
    'does not for %p',
    (value) => {
      expect(isInfraError(value)).toBe(false);
    },
  );
});

describe('LockLostError', () => {
  it('is FAILED_PRECONDITION, retryable, with the error of the work as its cause', () => {
    const own = new Error('own');
    expect(new LockLostError('lock orders/1 was lost', { component: 'coord', cause: own })).toMatchObject({
      name: 'LockLostError',
      code: 'FAILED_PRECONDITION',
      retryable: true,
      component: 'coord',
      cause: own,
    });
  });
});

describe('codeOfHttpStatus', () => {
  it.each([
    [400, 'INVALID_ARGUMENT'],
    [401, 'PERMISSION_DENIED'],
    [404, 'NOT_FOUND'],
    [409, 'ALREADY_EXISTS'],
    [412, 'FAILED_PRECONDITION'],
    [413, 'INVALID_ARGUMENT'],
    [422, 'INVALID_ARGUMENT'],
    [429, 'RESOURCE_EXHAUSTED'],
    [500, 'INTERNAL'],
    [503, 'UNAVAILABLE'],
    [418, undefined],
  ])('%d is %s', (status, code) => {
    expect(codeOfHttpStatus(status)).toBe(code);
  });
});

describe('messageOf', () => {
  it.each([
    [new Error('said'), 'said'],
    [Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [Object.create(null), '[Object: null prototype] {}'],
  ])('of %p is %j', (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });

  it('is whatever can be read of a thing that defends itself', () => {
    const secretive = {
      get message(): never {
        throw new Error('not for you');
      },
      name: 'Secretive',
    };
    expect(messageOf(secretive)).toBe('Secretive');
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(messageOf(proxy)).toEqual(expect.any(String));
  });
});
