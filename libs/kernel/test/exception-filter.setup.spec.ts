import { afterAll, describe, expect, it } from '@jest/globals';
import { Logger as Nest, type LoggerService } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { InfraContext, InfraExceptionFilter } from '@infra-kit/kernel';
import { ADAPTERS, closeAll, FilteredModule, OrdersModule, serve } from './orders-service.js';
import { RecordingLogger } from './recording-logger.js';

const TRACE = 'd'.repeat(32);

afterAll(closeAll);

describe.each(ADAPTERS)('made in other ways, on %s', (_name, adapter) => {
  it.each([
    ['by Nest, as APP_FILTER', FilteredModule, undefined],
    ['by hand, without a host', OrdersModule, new InfraExceptionFilter({ logger: new RecordingLogger() })],
  ])('%s, it answers the same', async (_way, module, filter) => {
    const { url } = await serve(module, adapter(), (made) => {
      if (filter) made.useGlobalFilters(filter);
      made.enableCors();
      made.use((_request: unknown, _response: unknown, next: () => void) =>
        InfraContext.run({ traceId: TRACE }, next),
      );
    });
    const answer = await fetch(`${url}/infra`);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await answer.json()).toMatchObject({ code: 'RESOURCE_EXHAUSTED', traceId: TRACE });
    const half = await fetch(`${url}/half`);
    expect(await half.text()).toBe('half');
  });

  it("with problemJson 'infra' but no host to hand them on, other errors are answered all the same", async () => {
    const { url } = await serve(OrdersModule, adapter(), (made) => {
      made.useGlobalFilters(new InfraExceptionFilter({ problemJson: 'infra' }));
    });
    expect((await fetch(`${url}/plain`)).status).toBe(403);
  });

  it("with problemJson 'infra' other errors go Nest's way", async () => {
    const { url } = await serve(OrdersModule, adapter(), (made) => {
      const host = made.get(HttpAdapterHost);
      made.useGlobalFilters(new InfraExceptionFilter({ host, problemJson: 'infra' }));
    });
    expect(await (await fetch(`${url}/plain`)).json()).toEqual({
      message: 'not you',
      error: 'Forbidden',
      statusCode: 403,
    });
    expect(await (await fetch(`${url}/infra`)).json()).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });
});

it.each(ADAPTERS)(
  "with problemJson false everything has Nest's form, the status of the code all the same, on %s",
  async (_name, adapter) => {
    const { url } = await serve(OrdersModule, adapter(), (made) => {
      const host = made.get(HttpAdapterHost);
      made.useGlobalFilters(new InfraExceptionFilter({ host, problemJson: false }));
    });
    const answer = await fetch(`${url}/infra`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect([answer.status, await answer.json()]).toEqual([
      429,
      { statusCode: 429, message: 'too many orders', error: 'RESOURCE_EXHAUSTED' },
    ]);
    expect(await (await fetch(`${url}/plain`)).json()).toMatchObject({ statusCode: 403, message: 'not you' });
  },
);

it('made by Nest it answers through the adapter: the onSend hooks of Fastify run', async () => {
  const fastify = new FastifyAdapter();
  fastify.getInstance().addHook('onSend', async (_request, reply) => void reply.header('x-sent', 'yes'));
  const { url } = await serve(FilteredModule, fastify);
  expect((await fetch(`${url}/infra`)).headers.get('x-sent')).toBe('yes');
});

it('without a logger it tells of unknown errors through the logger of Nest', async () => {
  const told: unknown[][] = [];
  const own: LoggerService = {
    log: () => undefined,
    warn: () => undefined,
    error: (...args: unknown[]) => void told.push(args),
  };
  const { url } = await serve(FilteredModule, new ExpressAdapter());
  Nest.overrideLogger(own);
  await fetch(`${url}/unknown`);
  Nest.overrideLogger(false);
  expect(told).toEqual([
    [
      'unhandled error {"err":"password=hunter2"}',
      expect.stringContaining('Error: password=hunter2\n'),
      'http',
    ],
  ]);
});
