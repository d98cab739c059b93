import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  ForbiddenException,
  Injectable,
  Logger,
  Module,
  ValidationPipe,
  type INestApplication,
} from '@nestjs/common';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { CacheProvider, createInfraApp, InfraKitModule, type InfraAppOptions } from '../src/index.js';
import { ADAPTERS, probeModule } from './probe-app.js';

let app: INestApplication | undefined;
let printed = '';
beforeEach(() => {
  Logger.overrideLogger(false);
  printed = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    printed += String(chunk);
    return true;
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await app?.close();
  app = undefined;
});

const LONG_MS = 600_000;
const LOCAL = { port: 0, host: '127.0.0.1' };

async function urlOf(started: INestApplication): Promise<string> {
  app = started;
  if (!started.getHttpServer().listening) await started.listen(0, '127.0.0.1');
  return `http://127.0.0.1:${(started.getHttpServer().address() as AddressInfo).port}`;
}

const post = (url: string, body: object): Promise<Response> =>
  fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe.each(ADAPTERS)('createInfraApp on %s', (adapter) => {
  it('without a port makes an application that does not listen and takes guards and a prefix of yours', async () => {
    const made = await createInfraApp(probeModule({}), { adapter });
    expect(made.getHttpServer().listening).toBe(false);
    made.setGlobalPrefix('api');
    made.useGlobalGuards({
      canActivate: () => {
        throw new ForbiddenException('not here');
      },
    });
    const url = await urlOf(made);
    expect((await fetch(`${url}/api/context`)).status).toBe(403);
    expect((await fetch(`${url}/context`)).status).toBe(404);
  });

  it('validates bodies: unknown members go by default, options change that, false ends it', async () => {
    const order = { item: 'pan', quantity: 1, extra: true };
    const plain = await urlOf(await createInfraApp(probeModule({}), { ...LOCAL, adapter }));
    expect(await (await post(plain, order)).json()).toEqual({ item: 'pan', quantity: 1 });
    await app?.close();
    const strict = await urlOf(
      await createInfraApp(probeModule({}), { ...LOCAL, adapter, pipe: { forbidNonWhitelisted: true } }),
    );
    expect((await post(strict, order)).status).toBe(400);
    await app?.close();
    const own = new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true });
    const mine = await urlOf(await createInfraApp(probeModule({}), { ...LOCAL, adapter, pipe: own }));
    expect((await post(mine, order)).status).toBe(400);
    await app?.close();
    const none = await urlOf(await createInfraApp(probeModule({}), { ...LOCAL, adapter, pipe: false }));
    expect(await (await post(none, { extra: 1 })).json()).toEqual({ extra: 1 });
  });

  it('answers errors in the form of Nest with problemJson false, with the status of the code', async () => {
    const url = await urlOf(
      await createInfraApp(probeModule({ http: { problemJson: false } }), { ...LOCAL, adapter }),
    );
    const response = await fetch(`${url}/fail/NOT_FOUND`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      statusCode: 404,
      message: 'it failed with NOT_FOUND',
      error: 'NOT_FOUND',
    });
  });

  it('a port that is busy rejects with a sentence, without waiting for readers of the readiness page', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    try {
      const start = createInfraApp(probeModule({ shutdown: { readinessDelayMs: LONG_MS } }), {
        ...LOCAL,
        port,
        adapter,
      });
      await expect(start).rejects.toMatchObject({ code: 'EADDRINUSE' });
      expect(printed).toMatch(/choose another port\n$/);
    } finally {
      busy.close();
    }
  });
});

it.each([
  [{ adapter: 'koa' }, /adapter/],
  [{ adapter: {} }, /adapter/],
  [{ port: 70_000 }, /port: .*70000/],
  [{ bodyLimit: 0 }, /bodyLimit/],
  [{ bodyLimit: '1kb', colour: 1 }, /colour: unknown option[\s\S]*bodyLimit/],
  [null, /object of options/],
])('refuses the options %j in one sentence', async (options, sentence) => {
  await expect(createInfraApp(probeModule({}), options as InfraAppOptions)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(sentence),
  });
  expect(printed).toMatch(sentence);
});

it('names the line to add when a provider of a component is injected that was not named', async () => {
  @Injectable()
  class Greeter {
    constructor(readonly cache: CacheProvider) {}
  }
  @Module({ imports: [InfraKitModule.forRoot({ env: 'test' })], providers: [Greeter] })
  class WithoutCache {}
  await expect(createInfraApp(WithoutCache)).rejects.toThrow(/CacheProvider/);
  expect(printed).toContain('add it: InfraKitModule.forRoot({ cache: true })');
});
