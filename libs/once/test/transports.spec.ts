import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status, type ServiceError } from '@grpc/grpc-js';
import {
  Controller,
  Injectable,
  Logger,
  Module,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Args,
  Field,
  GraphQLModule,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
} from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ClientProxyFactory, GrpcMethod, Transport, type GrpcOptions } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Idempotent, OnceModule } from '@infra-kit/once';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, type Observable } from 'rxjs';
import { WebSocket } from 'ws';

interface Order {
  readonly id: string;
  readonly amount: number;
}

/** How often the method ran, and what a run with the amount 0 waits for. */
let runs = 0;
let gate = Promise.withResolvers<void>();
let entered = Promise.withResolvers<void>();

async function place({ amount }: Order): Promise<number> {
  const run = ++runs;
  entered.resolve();
  if (amount === 0) await gate.promise;
  if (amount < 0) throw new Error('no');
  return run;
}

/** What one way of calling does with an order: the run that it got, or the code of its refusal. */
type Place = (order: Order) => Promise<number | string>;

let app: INestApplication | undefined;
const closing: (() => unknown)[] = [];
const folder = mkdtempSync(join(tmpdir(), 'once-'));
let sockets = 0;

beforeEach(() => {
  runs = 0;
  gate = Promise.withResolvers();
  entered = Promise.withResolvers();
  Logger.overrideLogger(false);
});
afterEach(async () => {
  gate.resolve();
  for (const close of closing.splice(0)) close();
  await app?.close();
  app = undefined;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

@InputType()
class OrderInput implements Order {
  @Field(() => String)
  id = '';
  @Field(() => Int)
  amount = 0;
}

@WebSocketGateway()
class OrdersGateway {
  @SubscribeMessage('place')
  @Idempotent({
    key: (context: ExecutionContext) => context.switchToWs().getData<Order>().id,
    fingerprint: (context: ExecutionContext) => context.switchToWs().getData<Order>().amount,
  })
  async place(@MessageBody() order: OrderInput): Promise<object> {
    return { event: 'placed', data: { id: order.id, run: await place(order) } };
  }
}

async function overWebSocket(): Promise<Place> {
  @Module({ imports: [OnceModule.forRoot()], providers: [OrdersGateway] })
  class GatewayModule {}
  app = await NestFactory.create(GatewayModule, { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return async (order) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    closing.push(() => socket.terminate());
    await once(socket, 'open');
    const answer = once(socket, 'message');
    socket.send(JSON.stringify({ event: 'place', data: order }));
    const { event, data } = JSON.parse(String((await answer)[0])) as {
      event: string;
      data: { run: number; code?: string; status?: string };
    };
    return event === 'placed' ? data.run : String(data.code ?? data.status);
  };
}

@Controller()
class OrdersController {
  @GrpcMethod('Orders', 'Place')
  @Idempotent({
    key: (context: ExecutionContext) => context.switchToRpc().getData<Order>().id,
    fingerprint: (context: ExecutionContext) => context.switchToRpc().getData<Order>().amount,
  })
  async place(order: Order): Promise<object> {
    return { run: await place(order) };
  }
}

async function overGrpc(inheritAppConfig: boolean): Promise<Place> {
  @Module({ imports: [OnceModule.forRoot()], controllers: [OrdersController] })
  class GrpcModule {}
  const options: GrpcOptions = {
    transport: Transport.GRPC,
    options: {
      package: 'orders',
      protoPath: join(import.meta.dirname, 'fixtures/orders.proto'),
      url: `unix:${join(folder, String(sockets++))}`,
    },
  };
  app = await NestFactory.create(GrpcModule, { logger: false });
  app.connectMicroservice<GrpcOptions>(options, { inheritAppConfig });
  await app.startAllMicroservices();
  await app.init();
  const client = ClientProxyFactory.create({ ...options, transport: Transport.GRPC });
  closing.push(() => client.close());
  const orders = client.getService<{ place(order: Order): Observable<{ run: number }> }>('Orders');
  return (order) =>
    firstValueFrom(orders.place(order)).then(
      ({ run }) => run,
      ({ code }: ServiceError) => status[code],
    );
}

@ObjectType()
class Placed {
  @Field(() => Int)
  run = 0;
}

@Injectable()
@Resolver(() => Placed)
class OrdersResolver {
  @Query(() => Int)
  count(): number {
    return runs;
  }

  @Mutation(() => Placed)
  @Idempotent({
    key: (context: ExecutionContext) => context.getArgByIndex<{ order: Order }>(1).order.id,
    fingerprint: (context: ExecutionContext) => context.getArgByIndex<{ order: Order }>(1).order.amount,
  })
  async place(@Args('order') order: OrderInput): Promise<Placed> {
    return { run: await place(order) };
  }
}

async function overGraphQL(): Promise<Place> {
  @Module({
    imports: [
      OnceModule.forRoot(),
      GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
    ],
    providers: [OrdersResolver],
  })
  class GraphModule {}
  app = await NestFactory.create(GraphModule, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return async ({ id, amount }) => {
    const query = `mutation { place(order: { id: "${id}", amount: ${amount} }) { run } }`;
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = (await response.json()) as {
      data: { place: { run: number } } | null;
      errors?: { extensions?: { code?: string } }[];
    };
    return errors ? String(errors[0]?.extensions?.code) : Number(data?.place.run);
  };
}

describe.each([
  ['a message of a WebSocket', overWebSocket],
  ['a call of gRPC in a hybrid application', () => overGrpc(true)],
  ['a mutation of GraphQL', overGraphQL],
])('%s', (_what, start) => {
  it('runs once a key, and is replayed', async () => {
    const order = await start();
    expect([await order({ id: 'a', amount: 1 }), await order({ id: 'a', amount: 1 })]).toEqual([1, 1]);
    expect(await order({ id: 'b', amount: 1 })).toBe(2);
    expect(runs).toBe(2);
  });

  it('of another payload under the same key is refused, and nothing runs', async () => {
    const order = await start();
    expect(await order({ id: 'a', amount: 1 })).toBe(1);
    expect(await order({ id: 'a', amount: 2 })).toBe('INVALID_ARGUMENT');
    expect(runs).toBe(1);
  });

  it('that comes while the first one runs is refused, and gets its answer afterwards', async () => {
    const order = await start();
    const first = order({ id: 'a', amount: 0 });
    await entered.promise;
    expect(await order({ id: 'a', amount: 0 })).toBe('ALREADY_EXISTS');
    gate.resolve();
    expect(await first).toBe(1);
    expect(await order({ id: 'a', amount: 0 })).toBe(1);
  });

  it('that failed frees its key', async () => {
    const order = await start();
    await order({ id: 'a', amount: -1 });
    await order({ id: 'a', amount: -1 });
    expect(runs).toBe(2);
  });
});

it('a call of gRPC runs once a key where the microservice does not inherit the configuration', async () => {
  const order = await overGrpc(false);
  expect([await order({ id: 'a', amount: 1 }), await order({ id: 'a', amount: 1 })]).toEqual([1, 1]);
});
