import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpAdapterHost } from '@nestjs/core';
import { InfraExceptionFilter } from '@infra-kit/kernel';
import { ADAPTERS, closeAll, OrdersModule, serve } from './orders-service.js';
import { RecordingLogger } from './recording-logger.js';

afterAll(closeAll);

const post = (body: string, type = 'application/json'): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': type },
});

describe.each(ADAPTERS)('on %s', (name, adapter) => {
  const logger = new RecordingLogger();
  let url: string;

  beforeAll(async () => {
    ({ url } = await serve(OrdersModule, adapter(), (made) => {
      made.useGlobalFilters(new InfraExceptionFilter({ host: made.get(HttpAdapterHost), logger }));
    }));
  });

  async function problem(path: string, init?: RequestInit): Promise<{ answer: Response; body: object }> {
    const answer = await fetch(url + path, init);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const body = (await answer.json()) as { status: number };
    expect(body.status).toBe(answer.status);
    return { answer, body };
  }

  it('an InfraError is problem+json with its status, and Retry-After in whole seconds', async () => {
    const { answer, body } = await problem('/infra');
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(body).toEqual({
      type: 'urn:infra-kit:error:RESOURCE_EXHAUSTED',
      title: 'Too Many Requests',
      status: 429,
      detail: 'too many orders',
      code: 'RESOURCE_EXHAUSTED',
    });
  });

  it("an error's own httpStatus wins, and there is no Retry-After where nothing is known", async () => {
    const { answer } = await problem('/teapot');
    expect(answer.status).toBe(418);
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  it('a plain HttpException is about:blank', async () => {
    expect((await problem('/plain')).body).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'not you',
      code: 'PERMISSION_DENIED',
    });
  });

  it('a member that JSON cannot hold does not break the answer', async () => {
    expect((await problem('/bigint')).body).toMatchObject({ token: '12345678901234567890' });
  });

  it('an unknown error is a title without a message, and is logged once', async () => {
    logger.lines.length = 0;
    const { body } = await problem('/unknown');
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      code: 'INTERNAL',
    });
    expect(logger.lines).toEqual([
      {
        level: 'error',
        namespace: '',
        message: 'unhandled error',
        fields: { err: new Error('password=hunter2') },
      },
    ]);
  });

  it('a known error is not logged', async () => {
    logger.lines.length = 0;
    await problem('/infra');
    await problem('/plain');
    expect(logger.lines).toEqual([]);
  });

  it('an unknown path is 404', async () => {
    expect((await problem('/nowhere')).body).toMatchObject({
      type: 'about:blank',
      status: 404,
      detail: 'Cannot GET /nowhere',
      code: 'NOT_FOUND',
    });
  });

  it('a failed validation lists the errors', async () => {
    const { body } = await problem('/orders', post('{"count":"x"}'));
    expect(body).toMatchObject({
      status: 400,
      code: 'INVALID_ARGUMENT',
      detail: 'Validation failed',
      errors: ['item must be a string', 'count must be an integer number'],
    });
  });

  it('malformed JSON is 400', async () => {
    expect((await problem('/orders', post('{"item":'))).body).toMatchObject({
      status: 400,
      type: 'about:blank',
    });
  });

  it('a body that is too large is 413', async () => {
    const { body } = await problem('/orders', post(JSON.stringify({ item: 'x'.repeat(2_000) })));
    expect(body).toMatchObject({ status: 413, code: 'INVALID_ARGUMENT' });
  });

  it("an application's own filter comes first", async () => {
    const answer = await fetch(`${url}/own`);
    expect([answer.status, await answer.json()]).toEqual([418, { own: true }]);
  });

  it('an error after the headers went out ends the answer instead of writing another', async () => {
    const answer = await fetch(`${url}/half`);
    expect([answer.status, await answer.text()]).toEqual([200, 'half']);
  });

  if (name === 'Fastify')
    it('an unknown content type is 415', async () => {
      expect((await problem('/orders', post('<a/>', 'text/xml'))).body).toMatchObject({
        status: 415,
        code: 'INVALID_ARGUMENT',
      });
    });
});
