import { describe, expect, it } from '@jest/globals';
import { Logger as Nest } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { eventually } from '@infra-kit/kernel/testing';
import { InfraContext } from '@infra-kit/kernel';
import { PinoLogger } from 'nestjs-pino';
import { access, serve } from './http-service.js';
import { LogFolder, type Line } from './log-files.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

type RequestHook = (request: unknown, response: unknown, done: () => void) => void;

describe.each(['express', 'fastify'] as const)('HTTP on %s, beside others', (adapter) => {
  it('covers paths inside and outside a global prefix', async () => {
    using folder = new LogFolder();
    const { app, url } = await serve(adapter, folder.file(), (nest) => nest.setGlobalPrefix('api'));
    try {
      for (const path of ['/api/orders/1', '/api', '/', '/orders/1']) await fetch(`${url}${path}`);
      await eventually(() => expect(access(folder.lines())).toHaveLength(4));
      expect(access(folder.lines())[0]).toMatchObject({ 'http.route': '/api/orders/:id' });
    } finally {
      await app.close();
      Nest.overrideLogger(false);
    }
  });

  it('runs inside a request hook that was there before, and keeps its context', async () => {
    using folder = new LogFolder();
    const { app, url } = await serve(adapter, folder.file(), (nest) => {
      nest
        .get(HttpAdapterHost)
        .httpAdapter.setOnRequestHook((_request: unknown, _response: unknown, done: () => void) => {
          InfraContext.run({ traceId: TRACE }, done);
        });
    });
    try {
      const response = await fetch(`${url}/orders/1`, { headers: { 'x-trace-id': 'e'.repeat(32) } });
      await eventually(() => expect(access(folder.lines())).toHaveLength(1));
      const own = folder
        .lines()
        .filter(({ namespace }) => namespace === 'OrdersController' || namespace === 'http');
      for (const line of own) expect(line).toMatchObject({ trace_id: TRACE });
      expect(response.headers.get('x-trace-id')).toBeNull(); // who owns the context owns the header
    } finally {
      await app.close();
      Nest.overrideLogger(false);
    }
  });

  it('leaves the slot to an owner that calls ours in its own context, without calling itself', async () => {
    using folder = new LogFolder();
    const { app, url } = await serve(adapter, folder.file(), (nest) => {
      const { httpAdapter } = nest.get(HttpAdapterHost);
      let inner: RequestHook = (_request, _response, done) => done();
      httpAdapter.setOnRequestHook(((request, response, done) => {
        InfraContext.run({ traceId: TRACE }, () => inner(request, response, done));
      }) satisfies RequestHook);
      Object.defineProperty(httpAdapter, 'setOnRequestHook', {
        value: (hook: RequestHook) => {
          inner = hook;
        },
      });
    });
    try {
      expect((await fetch(`${url}/orders/1`)).status).toBe(200);
      await eventually(() => expect(access(folder.lines())).toMatchObject([{ trace_id: TRACE }]));
    } finally {
      await app.close();
      Nest.overrideLogger(false);
    }
  });

  it('never writes into another application’s output', async () => {
    using folder = new LogFolder();
    const one = await serve(adapter, folder.file('one.log'));
    const two = await serve(adapter, folder.file('two.log'));
    try {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          await Promise.all([
            fetch(`${one.url}/pino`, { headers: { 'x-request-id': 'for-one' } }),
            fetch(`${two.url}/pino`, { headers: { 'x-request-id': 'for-two' } }),
          ]);
        }),
      );
      const outside = await Promise.all([one.app.resolve(PinoLogger), two.app.resolve(PinoLogger)]);
      outside[0].info('outside of one');
      outside[1].info('outside of two');
      for (const [name, other] of [
        ['one', 'two'],
        ['two', 'one'],
      ] as const) {
        await eventually(() => expect(access(folder.lines(`${name}.log`))).toHaveLength(10));
        const lines = folder.lines(`${name}.log`);
        const of = (msg: string): Line[] => lines.filter((line) => line['msg'] === msg);
        expect(of('through nestjs-pino')).toHaveLength(10);
        expect(of('through Nest')).toHaveLength(10); // although Nest's logger is the process's last one
        expect(of(`outside of ${name}`)).toHaveLength(1);
        expect(JSON.stringify(lines)).not.toContain(`for-${other}`);
        expect(JSON.stringify(lines)).not.toContain(`outside of ${other}`);
      }
    } finally {
      await one.app.close();
      await two.app.close();
      Nest.overrideLogger(false);
    }
  });
});
