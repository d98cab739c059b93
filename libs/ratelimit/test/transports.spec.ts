import { afterEach, expect, it, describe } from '@jest/globals';
import { Controller, Injectable, Logger, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  GraphQLModule,
  Parent,
  Query,
  ResolveField,
  Resolver,
  ObjectType,
  Field,
  Int,
  Mutation,
} from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  ClientProxyFactory,
  MessagePattern,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { InfraContext } from '@infra-kit/kernel';
import {
  RateLimit,
  RateLimitGuard,
  RateLimitModule,
  RateLimitProvider,
  type RateLimitOptions,
} from '@infra-kit/ratelimit';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { lastValueFrom } from 'rxjs';
import { WebSocket } from 'ws';

const rules: RateLimitOptions['rules'] = {
  one: { rate: 1, perMs: 60_000, capacity: 1 },
  two: { rate: 1, perMs: 60_000, capacity: 2 },
};
const limiter = RateLimitModule.forRoot({ driver: 'memory', rules });

let app: INestApplication | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

@WebSocketGateway()
class Gateway {
  @RateLimit({ rule: 'one', key: () => 'ws' })
  @SubscribeMessage('ask')
  ask(): { event: string; data: string } {
    return { event: 'answer', data: 'yes' };
  }
}

describe('a limit', () => {
  it('on a WebSocket message is an exception event with retryAfterMs, and the socket stays', async () => {
    @Module({ imports: [limiter], providers: [Gateway] })
    class GatewayModule {}
    Logger.overrideLogger(false);
    app = await NestFactory.create(GatewayModule, { logger: false });
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(socket, 'open');
    const ask = async (): Promise<unknown> => {
      const answer = once(socket, 'message');
      socket.send(JSON.stringify({ event: 'ask', data: {} }));
      return JSON.parse(String((await answer)[0])) as unknown;
    };
    expect(await ask()).toEqual({ event: 'answer', data: 'yes' });
    for (let n = 0; n < 2; n++)
      expect(await ask()).toMatchObject({
        event: 'exception',
        data: { code: 'RESOURCE_EXHAUSTED', retryAfterMs: expect.any(Number) },
      });
    socket.terminate();
  });

  it('on a message pattern is an error with retryAfterMs, and the wrapper does not charge again', async () => {
    @Controller()
    class Patterns {
      @RateLimit({ rule: 'two', key: () => 'rpc' })
      @MessagePattern('ask')
      ask(): string {
        return 'yes';
      }
    }
    @Module({ imports: [limiter], controllers: [Patterns] })
    class RpcModule {}
    const service = await NestFactory.createMicroservice<MicroserviceOptions>(RpcModule, {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
      logger: false,
    });
    await service.listen();
    const server = Reflect.get(service, 'serverInstance') as { server: { address(): AddressInfo } };
    const { port } = server.server.address();
    const client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port },
    });
    const ask = (): Promise<unknown> => lastValueFrom(client.send<unknown>('ask', {}));
    expect([await ask(), await ask()]).toEqual(['yes', 'yes']);
    await expect(ask()).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      retryAfterMs: expect.any(Number),
    });
    await client.close();
    await service.close();
  });

  it('on a GraphQL operation is charged once, however many aliases, fields and items it has', async () => {
    @ObjectType()
    class Item {
      @Field(() => Int)
      id = 0;
      @Field(() => String)
      price = '';
    }
    @Resolver(() => Item)
    class Items {
      @RateLimit({ rule: 'two', key: () => 'gql' })
      @Query(() => [Item])
      items(): Item[] {
        return [1, 2, 3].map((id) => Object.assign(new Item(), { id }));
      }
      @RateLimit({ rule: 'one', key: () => 'price' })
      @ResolveField(() => String)
      price(@Parent() item: Item): string {
        return `${item.id}`;
      }
      @Mutation(() => Boolean)
      touch(): boolean {
        return true;
      }
    }
    @Injectable()
    class Limits {
      constructor(readonly provider: RateLimitProvider) {}
    }
    @Module({
      imports: [
        limiter,
        GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
      ],
      providers: [Items, Limits],
    })
    class GraphModule {}
    const adapter = new FastifyAdapter();
    app = await NestFactory.create(GraphModule, adapter, { logger: false });
    // as the umbrella does: a context a request
    adapter.setOnRequestHook((_request: unknown, _reply: unknown, done: () => void) =>
      InfraContext.run({}, done),
    );
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const ask = async (
      query: string,
    ): Promise<{ data?: unknown; errors?: { extensions?: object }[]; headers: Headers }> => {
      const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      return { ...((await response.json()) as object), headers: response.headers };
    };
    const limits = app.get(Limits).provider;
    const first = await ask('{ a: items { id price } b: items { id price } }');
    expect(first.errors).toBeUndefined();
    expect(first.headers.get('ratelimit')).toBe('"two";r=1;t=60');
    expect((await limits.peek('gql', 'two')).remaining).toBe(1);
    expect((await limits.peek('price', 'one')).remaining).toBe(0);
    await ask('{ items { id } }');
    const refused = await ask('{ items { id } }');
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('on a Kafka handler of @nestjs/microservices throws the exception that keeps the message', async () => {
    @Controller()
    class Topics {
      @RateLimit({ rule: 'one', key: () => 'topic' })
      @MessagePattern('orders')
      onOrder(): string {
        return 'done';
      }
    }
    @Module({ imports: [limiter], controllers: [Topics], providers: [RateLimitGuard] })
    class KafkaModule {}
    app = await NestFactory.create(KafkaModule, { logger: false });
    await app.init();
    const { KafkaContext, KafkaRetriableException } = await import('@nestjs/microservices');
    const guard = app.get(RateLimitGuard);
    const message = (): ExecutionContextHost => {
      const context = new ExecutionContextHost(
        [{}, new KafkaContext([{}, 0, 'orders', {}, async () => undefined, {}] as never)],
        Topics,
        Reflect.get(Topics.prototype, 'onOrder') as () => string,
      );
      context.setType('rpc');
      return context;
    };
    expect(await guard.canActivate(message())).toBe(true);
    await expect(guard.canActivate(message())).rejects.toBeInstanceOf(KafkaRetriableException);
  });
});
