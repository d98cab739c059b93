import { describe, expect, it } from '@jest/globals';
import {
  BadRequestException,
  ConflictException,
  HttpException,
  InternalServerErrorException,
  NotFoundException,
  ServiceUnavailableException,
} from '@nestjs/common';
import { ConfigError, InfraContext, InfraError, problemOf } from '@infra-kit/kernel';

const TRACE = 'c'.repeat(32);

describe('an InfraError', () => {
  it('has type, title, status, detail, code and trace id', () => {
    const { body, unexpected } = InfraContext.run({ traceId: TRACE }, () =>
      problemOf(new InfraError('NOT_FOUND', 'no order 7')),
    );
    expect(body).toEqual({
      type: 'urn:infra-kit:error:NOT_FOUND',
      title: 'Not Found',
      status: 404,
      detail: 'no order 7',
      code: 'NOT_FOUND',
      traceId: TRACE,
    });
    expect(unexpected).toBe(false);
  });

  it('has no trace id outside a context', () => {
    expect(problemOf(new InfraError('NOT_FOUND', 'x')).body).not.toHaveProperty('traceId');
  });

  it.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [60_000, 60],
  ])('with retryAfterMs %d has whole seconds: %d', (retryAfterMs, seconds) => {
    const problem = problemOf(new InfraError('RESOURCE_EXHAUSTED', 'x', { retryAfterMs }));
    expect(problem).toMatchObject({ retryAfterMs, retryAfterSeconds: seconds });
  });

  it.each([undefined, Infinity, Number.NaN])('with retryAfterMs %p has none', (retryAfterMs) => {
    expect(problemOf(new InfraError('UNAVAILABLE', 'x', { retryAfterMs })).retryAfterSeconds).toBeUndefined();
  });

  it('that is a refused configuration names every bad field', () => {
    expect(problemOf(new ConfigError('cache', ['url: bad', 'ttlMs: bad'])).body).toMatchObject({
      status: 400,
      errors: ['url: bad', 'ttlMs: bad'],
    });
  });

  it('of a component that failed by itself has its message, also as 5xx', () => {
    const error = new InfraError('UNAVAILABLE', 'cache(sessions): closing');
    expect(problemOf(error)).toMatchObject({
      body: { detail: 'cache(sessions): closing' },
      unexpected: false,
    });
  });

  it("that is the caller's has its message, whatever its cause", () => {
    const error = new InfraError('ALREADY_EXISTS', 'order 7 is there', { cause: new Error('duplicate key') });
    expect(problemOf(error)).toMatchObject({ body: { detail: 'order 7 is there' }, unexpected: false });
  });

  it.each([99, 600, 404.5, Number.NaN])('with the httpStatus %d is 500', (httpStatus) => {
    expect(problemOf(new InfraError('NOT_FOUND', 'x', { httpStatus })).body.status).toBe(500);
    expect(problemOf(new HttpException('x', httpStatus)).body.status).toBe(500);
  });

  it('499 has a title though Node knows none', () => {
    expect(problemOf(new InfraError('CANCELLED', 'x')).body.title).toBe('Client Closed Request');
  });
});

describe('an error of unknown origin', () => {
  it.each([
    ['an Error', new Error('password=hunter2')],
    ['a text', 'password=hunter2'],
    [
      'a foreign 5xx',
      Object.assign(new Error('password=hunter2'), { status: 503, statusCode: 503, expose: false }),
    ],
    [
      "an upstream client's error",
      Object.assign(new Error('password=hunter2'), { status: 404, response: {} }),
    ],
    ['one wrapped without a code', InfraError.from(new Error('password=hunter2'))],
    [
      'what failed underneath a component',
      InfraError.from(new Error('password=hunter2'), { component: 'db', code: 'UNAVAILABLE' }),
    ],
  ])('has a title and no message: %s', (_what, error) => {
    const { body, unexpected } = problemOf(error);
    expect(body.status).toBeGreaterThanOrEqual(500);
    expect(body.title).not.toBe('');
    expect(body).not.toHaveProperty('detail');
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(unexpected).toBe(true);
  });
});

describe("a database's error", () => {
  it('has the code of its SQLSTATE, and none of its words, which hold the statement', () => {
    const refused = Object.assign(new Error(`insert into t values ('hunter2')`), { code: '23505' });
    const { body, unexpected } = problemOf(refused);
    expect(body).toMatchObject({ status: 409, code: 'ALREADY_EXISTS' });
    expect(unexpected).toBe(false);
    const wrong = problemOf(Object.assign(new Error(`selekt 'hunter2'`), { code: '42601' }));
    expect(wrong.body).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(wrong.unexpected).toBe(true);
    expect(JSON.stringify([body, wrong.body])).not.toContain('hunter2');
  });
});

describe('an HttpException', () => {
  it('is about:blank with its message as detail and the code of its status', () => {
    expect(problemOf(new NotFoundException('no such page'))).toMatchObject({
      body: {
        type: 'about:blank',
        title: 'Not Found',
        status: 404,
        detail: 'no such page',
        code: 'NOT_FOUND',
      },
      code: 'NOT_FOUND',
      unexpected: false,
    });
  });

  it('made with a text only has it as detail', () => {
    expect(problemOf(new HttpException('I am a teapot', 418)).body).toEqual({
      type: 'about:blank',
      title: "I'm a Teapot",
      status: 418,
      detail: 'I am a teapot',
    });
  });

  it('of a ValidationPipe lists the errors', () => {
    const error = new BadRequestException(['name must be a string', 'age must be a number']);
    expect(problemOf(error).body).toMatchObject({
      status: 400,
      code: 'INVALID_ARGUMENT',
      errors: ['name must be a string', 'age must be a number'],
    });
  });

  it('keeps the members that its thrower added, but neither status nor trace id', () => {
    const error = new ConflictException({
      message: 'closed',
      type: 'https://example.test/order-closed',
      orderId: 7,
      status: 'error',
      traceId: 'forged',
    });
    const { body } = InfraContext.run({ traceId: TRACE }, () => problemOf(error));
    expect(body).toEqual({
      type: 'https://example.test/order-closed',
      title: 'Conflict',
      status: 409,
      detail: 'closed',
      code: 'ALREADY_EXISTS',
      orderId: 7,
      traceId: TRACE,
    });
  });

  it('of 5xx is of known origin: its thrower wrote the message for the client', () => {
    expect(problemOf(new InternalServerErrorException('out of paper')).body.detail).toBe('out of paper');
    expect(problemOf(new ServiceUnavailableException()).unexpected).toBe(false);
  });
});

describe('an error of a body parser or of Fastify', () => {
  it.each([
    [
      'http-errors',
      Object.assign(new Error('request entity too large'), { status: 413, statusCode: 413, expose: true }),
    ],
    [
      'Fastify',
      Object.assign(new Error('request entity too large'), { code: 'FST_ERR_VALIDATION', statusCode: 413 }),
    ],
  ])('keeps status and message: %s', (_whose, error) => {
    expect(problemOf(error).body).toMatchObject({
      status: 413,
      detail: 'request entity too large',
      code: 'INVALID_ARGUMENT',
    });
  });
});
