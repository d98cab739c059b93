import { afterEach, expect, it } from '@jest/globals';
import {
  Catch,
  Logger,
  Module,
  UseFilters,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { InfraError } from '@infra-kit/kernel';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { InfraKitModule } from '../src/index.js';

@Catch(RangeError)
class RangeFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    host
      .switchToWs()
      .getClient<WebSocket>()
      .send(JSON.stringify({ event: 'range', data: 'mine' }));
  }
}

@WebSocketGateway()
@UseFilters(RangeFilter)
class ProbeGateway {
  @SubscribeMessage('busy')
  busy(): never {
    throw new InfraError('RESOURCE_EXHAUSTED', 'too many', { retryAfterMs: 700 });
  }
  @SubscribeMessage('own')
  own(): never {
    throw new WsException('as it was said');
  }
  @SubscribeMessage('crash')
  crash(): never {
    throw new Error('password=hunter2');
  }
  @SubscribeMessage('range')
  range(): never {
    throw new RangeError('caught by the application');
  }
}

@Module({ imports: [InfraKitModule.forRoot({ env: 'test', health: false })], providers: [ProbeGateway] })
class GatewayModule {}

let app: INestApplication | undefined;
afterEach(() => app?.close());

it('a gateway answers errors as exception events, the socket stays, and filters of the application come first', async () => {
  Logger.overrideLogger(false);
  app = await NestFactory.create(GatewayModule, { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, 'open');
  const ask = async (event: string): Promise<{ event: string; data: unknown }> => {
    const answer = once(socket, 'message');
    socket.send(JSON.stringify({ event, data: {} }));
    return JSON.parse(String((await answer)[0])) as { event: string; data: unknown };
  };
  expect(await ask('busy')).toMatchObject({
    event: 'exception',
    data: { code: 'RESOURCE_EXHAUSTED', detail: 'too many', retryAfterMs: 700 },
  });
  expect(await ask('own')).toMatchObject({ event: 'exception', data: { message: 'as it was said' } });
  expect(JSON.stringify(await ask('crash'))).not.toContain('hunter2');
  expect(await ask('range')).toEqual({ event: 'range', data: 'mine' });
  socket.terminate();
});
