import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Body,
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Logger as Nest,
  Module,
  Post,
  Res,
  UseFilters,
  ValidationPipe,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  InfraContext,
  InfraError,
  InfraExceptionFilter,
  LineLogger,
  type LogMethod,
} from '@infra-kit/kernel';
import { IsInt, IsString } from 'class-validator';

const TRACE = 'd'.repeat(32);

class Order {
  @IsString()
  item!: string;
  @IsInt()
  count!: number;
}

@Catch(RangeError)
class OwnFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    const response = host
      .switchToHttp()
      .getResponse<{ status(code: number): { send(body: unknown): void } }>();
    response.status(418).send({ own: true });
  }
}

@Controller()
class Orders {
  @Get('infra')
  infra(): never {
    throw new InfraError('RESOURCE_EXHAUSTED', 'too many orders', { retryAfterMs: 1_500 });
  }
  @Get('teapot')
  teapot(): never {
    throw new InfraError('UNAVAILABLE', 'own status', { httpStatus: 418 });
  }
  @Get('plain')
  plain(): never {
    throw new ForbiddenException('not you');
  }
  @Get('unknown')
  unknown(): never {
    throw new Error('password=hunter2');
  }
  @Get('bigint')
  bigint(): never {
    throw new ForbiddenException({ message: 'fenced', token: 12345678901234567890n });
  }
  @Get('own')
  @UseFilters(OwnFilter)
  own(): never {
    throw new RangeError('mine');
  }
  @Get('half')
  async half(@Res() response: { raw?: NodeJS.WritableStream } & NodeJS.WritableStream): Promise<void> {
    (response.raw ?? response).write('half');
    await delay(1);
    throw new InfraError('DATA_LOSS', 'in the middle');
  }
  @Post('orders')
  create(@Body() order: Order): Order {
    return order;
  }
}

class Lines extends LineLogger {
  readonly lines: { level: LogMethod; message: string; fields: object | undefined }[] = [];
  protected override write(level: LogMethod, message: string, fields: object | undefined): void {
    this.lines.push({ level, message, fields });
  }
  override namespace(): this {
    return this;
  }
  override with(): this {
    return this;
  }
}

@Module({ controllers: [Orders] })
class OrdersModule {}

@Module({ controllers: [Orders], providers: [{ provide: APP_FILTER, useClass: InfraExceptionFilter }] })
class FilteredModule {}

const ADAPTERS = [
  ['Express', (): ExpressAdapter => new ExpressAdapter()],
  ['Fastify', (): FastifyAdapter => new FastifyAdapter({ bodyLimit: 1_000 })],
] as const;

const opened: INestApplication[] = [];

async function start(
  module: Type<unknown>,
  adapter: ExpressAdapter | FastifyAdapter,
  prepare: (app: INestApplication) => void = () => undefined,
): Promise<{ app: INestApplication; url: string }> {
  const app = await NestFactory.create(module, adapter, { logger: false, bodyParser: true });
  opened.push(app);
  if (adapter instanceof ExpressAdapter) adapter.useBodyParser('json', false, { limit: 1_000 });
  prepare(app);
  app.useGlobalPipes(new ValidationPipe());
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

afterAll(() => Promise.all(opened.map((app) => app.close())));

const post = (body: string, type = 'application/json'): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': type },
});

describe.each(ADAPTERS)('on %s', (name, adapter) => {
  const logger = new Lines();
  let url: string;

  beforeAll(async () => {
    ({ url } = await start(OrdersModule, adapter(), (made) => {
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
      { level: 'error', message: 'unhandled error', fields: { err: new Error('password=hunter2') } },
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

describe.each(ADAPTERS)('made in other ways, on %s', (_name, adapter) => {
  it.each([
    ['by Nest, as APP_FILTER', FilteredModule, undefined],
    ['by hand, without a host', OrdersModule, new InfraExceptionFilter({ logger: new Lines() })],
  ])('%s, it answers the same', async (_way, module, filter) => {
    const { url } = await start(module, adapter(), (made) => {
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
    const { url } = await start(OrdersModule, adapter(), (made) => {
      made.useGlobalFilters(new InfraExceptionFilter({ problemJson: 'infra' }));
    });
    expect((await fetch(`${url}/plain`)).status).toBe(403);
  });

  it("with problemJson 'infra' other errors go Nest's way", async () => {
    const { url } = await start(OrdersModule, adapter(), (made) => {
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
    const { url } = await start(OrdersModule, adapter(), (made) => {
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
  const { url } = await start(FilteredModule, fastify);
  expect((await fetch(`${url}/infra`)).headers.get('x-sent')).toBe('yes');
});

it('without a logger it tells of unknown errors through the logger of Nest', async () => {
  const told: unknown[][] = [];
  const own: LoggerService = {
    log: () => undefined,
    warn: () => undefined,
    error: (...args: unknown[]) => void told.push(args),
  };
  const { url } = await start(FilteredModule, new ExpressAdapter());
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
