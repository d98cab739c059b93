import { afterEach, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { INestApplication } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { AddressInfo } from 'node:net';
import { InfraContext, RequestHooks } from '../src/index.js';
import { probeModule } from './probe-app.js';

let app: INestApplication | undefined;
afterEach(() => app?.close());

it.each([
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as [string, () => AbstractHttpAdapter][])(
  'on %s a request hook of the application still runs, inside the context, and so do hooks added later',
  async (_name, makeAdapter) => {
    Logger.overrideLogger(false);
    const seen: string[] = [];
    const note = (who: string) => (_request: unknown, _response: unknown, done: () => void) => {
      seen.push(`${who} ${InfraContext.traceId()?.slice(0, 4)}`);
      done();
    };
    const adapter = makeAdapter();
    adapter.setOnRequestHook(note('before'));
    app = await NestFactory.create(probeModule({ health: false }), adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    app.get(RequestHooks).add(note('added'));
    const { port } = app.getHttpServer().address() as AddressInfo;
    const call = (): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/context`, { headers: { 'x-trace-id': 'f'.repeat(32) } });
    expect((await call()).status).toBe(200);
    expect(seen).toEqual(['added ffff', 'before ffff']);
    adapter.setOnRequestHook(note('after'));
    expect((await call()).status).toBe(200);
    expect(seen.slice(2)).toEqual(['added ffff', 'after ffff']);
    adapter.setOnRequestHook((_request: unknown, _response: unknown, done: (error?: Error) => void) =>
      done(new Error('refused by a hook')),
    );
    expect((await call()).status).toBe(500);
  },
);

it('on fastify a request hook of the application may return a promise instead of calling done', async () => {
  const adapter = new FastifyAdapter();
  adapter.setOnRequestHook(async () => Promise.resolve());
  app = await NestFactory.create(probeModule({ health: false }), adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  expect((await fetch(`http://127.0.0.1:${port}/context`)).status).toBe(200);
});
