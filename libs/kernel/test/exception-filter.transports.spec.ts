import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  BadRequestException,
  Controller,
  Module,
  UseFilters,
  type ArgumentsHost,
  type INestApplication,
  type INestMicroservice,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import {
  ClientTCP,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { InfraContext, InfraError, InfraExceptionFilter, NestLogger } from '@infra-kit/kernel';
import { lastValueFrom, type Observable } from 'rxjs';
import { WebSocket } from 'ws';

const TRACE = 'e'.repeat(32);
const SECRET = 'password=hunter2';

const FAILURES: Record<string, () => unknown> = {
  infra: () => new InfraError('ABORTED', 'version conflict', { retryAfterMs: 20 }),
  validation: () => new BadRequestException(['item must be a string']),
  unknown: () => new Error(SECRET),
  rpc: () => new RpcException({ custom: 1 }),
  'rpc-text': () => new RpcException('own words'),
  ws: () => new WsException({ custom: 1 }),
  'ws-text': () => new WsException('own words'),
};
const fail = (kind: string): never => {
  throw FAILURES[kind]?.();
};

@Controller()
class Handlers {
  @MessagePattern('fail')
  fail(@Payload() kind: string): never {
    return fail(kind);
  }
}

const filter = new InfraExceptionFilter({ logger: new NestLogger('test') });

describe('over RPC (TCP)', () => {
  let service: INestMicroservice;
  const client = new ClientTCP({ host: '127.0.0.1', port: 0 });

  beforeAll(async () => {
    @Module({ controllers: [Handlers] })
    class RpcModule {}
    service = await NestFactory.createMicroservice<MicroserviceOptions>(RpcModule, {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
      logger: false,
    });
    service.useGlobalFilters(filter);
    await service.listen();
    const { port } = service.unwrap<{ address(): { port: number } }>().address();
    Reflect.set(client, 'port', port);
  });
  afterAll(async () => {
    client.close();
    await service.close();
  });

  const answer = (kind: string): Promise<unknown> =>
    lastValueFrom(client.send('fail', kind)).catch((error: unknown) => error);

  it('an InfraError arrives as code and message', async () => {
    expect(await answer('infra')).toEqual({
      status: 'error',
      code: 'ABORTED',
      message: 'version conflict',
      retryAfterMs: 20,
    });
  });

  it('a failed validation arrives with its list', async () => {
    expect(await answer('validation')).toEqual({
      status: 'error',
      code: 'INVALID_ARGUMENT',
      message: 'Validation failed',
      errors: ['item must be a string'],
    });
  });

  it('an unknown error arrives without its message', async () => {
    expect(await answer('unknown')).toEqual({
      status: 'error',
      code: 'INTERNAL',
      message: 'Internal Server Error',
    });
  });

  it("an RpcException arrives as Nest's own filter sends it", async () => {
    expect(await answer('rpc')).toEqual({ custom: 1 });
    expect(await answer('rpc-text')).toEqual({ status: 'error', message: 'own words' });
  });
});

describe('over a WebSocket', () => {
  let app: INestApplication;
  let socket: WebSocket;

  beforeAll(async () => {
    @WebSocketGateway()
    @UseFilters(filter)
    class Gateway {
      @SubscribeMessage('fail')
      fail(_client: unknown, kind: string): never {
        return fail(kind);
      }
    }
    @Module({ providers: [Gateway] })
    class WsModule {}
    app = await NestFactory.create(WsModule, { logger: false });
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    socket = new WebSocket((await app.getUrl()).replace('http', 'ws'));
    await new Promise((resolve) => socket.once('open', resolve));
  });
  afterAll(async () => {
    socket.terminate();
    await app.close();
  });

  async function emitted(kind: string): Promise<unknown> {
    const message = new Promise<string>((resolve) =>
      socket.once('message', (data: Buffer) => resolve(data.toString())),
    );
    socket.send(JSON.stringify({ event: 'fail', data: kind }));
    return JSON.parse(await message);
  }

  it('an InfraError is emitted as exception, with the problem as its data', async () => {
    expect(await emitted('infra')).toEqual({
      event: 'exception',
      data: {
        type: 'urn:infra-kit:error:ABORTED',
        title: 'Conflict',
        status: 409,
        detail: 'version conflict',
        code: 'ABORTED',
        retryAfterMs: 20,
      },
    });
  });

  it('an unknown error is emitted without its message', async () => {
    const event = await emitted('unknown');
    expect(event).toMatchObject({ event: 'exception', data: { status: 500, code: 'INTERNAL' } });
    expect(JSON.stringify(event)).not.toContain(SECRET);
  });

  it("a WsException is emitted as Nest's own filter does", async () => {
    expect(await emitted('ws')).toEqual({ event: 'exception', data: { custom: 1 } });
    expect(await emitted('ws-text')).toEqual({
      event: 'exception',
      data: { status: 'error', message: 'own words' },
    });
  });

  it('a client of socket.io gets the event by emit', () => {
    const emissions: unknown[][] = [];
    const client = { emit: (...args: unknown[]) => void emissions.push(args) };
    filter.catch(new InfraError('NOT_FOUND', 'x'), hostOf('ws', [client, {}, 'fail']));
    expect(emissions).toEqual([['exception', expect.objectContaining({ code: 'NOT_FOUND', status: 404 })]]);
  });
});

function hostOf(type: string, args: readonly unknown[]): ArgumentsHost {
  const host = new ExecutionContextHost([...args]);
  host.setType(type);
  return host;
}

describe('over gRPC (three arguments)', () => {
  it.each([
    ['infra', { code: 10, message: 'version conflict' }],
    ['validation', { code: 3, message: 'Validation failed' }],
    ['unknown', { code: 13, message: 'Internal Server Error' }],
  ])('%s errors have a status number', async (kind, expected) => {
    const answer = filter.catch(FAILURES[kind]?.(), hostOf('rpc', [{}, {}, {}])) as Observable<never>;
    await expect(lastValueFrom(answer)).rejects.toEqual({ ...expected, details: expected.message });
  });
});

it('an unknown error is not logged when the caller has gone', () => {
  const lines: string[] = [];
  const logger = { error: (message: string) => void lines.push(message) } as unknown as NestLogger;
  const telling = new InfraExceptionFilter({ logger });
  const client = { emit: () => undefined };
  for (const signal of [AbortSignal.abort(), new AbortController().signal])
    InfraContext.run({ signal }, () => telling.catch(new Error(SECRET), hostOf('ws', [client, {}])));
  expect(lines).toEqual(['unhandled error']);
});

describe('in GraphQL', () => {
  const thrownFor = (error: unknown): unknown => {
    try {
      InfraContext.run({ traceId: TRACE }, () => filter.catch(error, hostOf('graphql', [{}, {}, {}, {}])));
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  };

  it('the error is thrown again with extensions.code', () => {
    const error = new InfraError('NOT_FOUND', 'x');
    expect(thrownFor(error)).toBe(error);
    expect(error).toMatchObject({ extensions: { code: 'NOT_FOUND', traceId: TRACE } });
  });

  it('extensions that it has stay', () => {
    const error = Object.assign(new Error('x'), { extensions: { code: 'OWN', more: 1 } });
    expect(thrownFor(error)).toMatchObject({ extensions: { code: 'OWN', more: 1 } });
  });

  it('what is no Error is thrown again as it is', () => {
    expect(thrownFor('text')).toBe('text');
  });
});
