import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Injectable,
  Module,
  Post,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type ModuleMetadata,
  type NestInterceptor,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  MessagePattern,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { Idempotent, OnceModule } from '@infra-kit/once';
import type { AddressInfo, Server } from 'node:net';
import { defer, lastValueFrom, of, Observable, toArray } from 'rxjs';
import { startApp } from './fixtures/start-app.js';

interface Order {
  readonly id: string;
  readonly amount: number;
  readonly tenant?: string;
}

@Injectable()
class Billing {
  readonly prefix = 'bill';
  runs = 0;

  @Idempotent({
    key(this: Billing, order: Order) {
      return `${this.prefix}:${order.id}`;
    },
    scope: (order: Order) => order.tenant ?? '',
    fingerprint: (order: Order) => order.amount,
  })
  async charge(order: Order): Promise<object> {
    return { charged: ++this.runs, amount: order.amount };
  }

  @Idempotent({ key: (order: Order) => `bill:${order.id}` })
  async ship(order: Order): Promise<object> {
    return { shipped: ++this.runs, id: order.id };
  }

  @Idempotent({ key: (id: string) => id })
  watch(id: string): Observable<object> {
    return of({ id }, { run: ++this.runs });
  }

  @Idempotent({ key: (id: string) => id })
  async fails(id: string): Promise<never> {
    throw new Error(`no ${id} ${++this.runs}`);
  }
}

@Injectable()
class VipBilling extends Billing {
  @Idempotent({ key: (order: Order) => order.id })
  override async charge(order: Order): Promise<object> {
    return { vip: await super.charge(order) };
  }
}

/** Calls the handler twice, as one that retries does. */
@Injectable()
class Retries implements NestInterceptor {
  async intercept(_context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    await lastValueFrom(next.handle());
    return defer(() => next.handle());
  }
}

@Controller()
class Orders {
  runs = 0;

  @MessagePattern('order')
  @Idempotent({
    key: (context: ExecutionContext) => context.switchToRpc().getData<Order>().id,
  })
  async order(order: Order): Promise<object> {
    return { order: ++this.runs, id: order.id };
  }

  @Post('twice')
  @UseInterceptors(Retries)
  @Idempotent({ required: false })
  async twice(): Promise<object> {
    return { run: ++this.runs };
  }

  @Post('inner')
  @Idempotent({ key: () => 'outer' })
  async inner(): Promise<unknown> {
    return [await this.keyed('a'), await this.keyed('a'), ++this.runs];
  }

  @Post('keyed')
  @Idempotent({ key: (given: unknown) => (typeof given === 'string' ? given : 'context') })
  async keyed(_key: string): Promise<number> {
    return ++this.runs;
  }
}

let app: INestApplication | undefined;
let client: ClientProxy | undefined;
afterEach(async () => {
  client?.close();
  await app?.close();
  app = client = undefined;
});

async function start(parts: Pick<ModuleMetadata, 'controllers' | 'providers'>): Promise<INestApplication> {
  return (app = await startApp(parts));
}

describe('@Idempotent on any provider', () => {
  it('runs once a key, per method, scope and payload', async () => {
    const billing = (await start({ providers: [Billing] })).get(Billing);
    const order = { id: '1', amount: 5 };
    expect(await billing.charge(order)).toEqual({ charged: 1, amount: 5 });
    expect(await billing.charge({ ...order })).toEqual({ charged: 1, amount: 5 });
    await expect(billing.charge({ id: '1', amount: 6 })).rejects.toMatchObject({ httpStatus: 422 });
    expect(await billing.ship(order)).toEqual({ shipped: 2, id: '1' });
    expect(await billing.charge({ ...order, tenant: 't' })).toEqual({ charged: 3, amount: 5 });
    expect(billing.runs).toBe(3);
  });

  it('replays each value of an Observable', async () => {
    const billing = (await start({ providers: [Billing] })).get(Billing);
    for (const _ of [1, 2])
      expect(await lastValueFrom(billing.watch('w').pipe(toArray()))).toEqual([{ id: 'w' }, { run: 1 }]);
  });

  it('frees the key of a method that failed', async () => {
    const billing = (await start({ providers: [Billing] })).get(Billing);
    await expect(billing.fails('x')).rejects.toThrow('no x 1');
    await expect(billing.fails('x')).rejects.toThrow('no x 2');
  });

  it('decides once where an override calls the method it overrides', async () => {
    const billing = (await start({ providers: [VipBilling] })).get(VipBilling);
    for (const _ of [1, 2])
      expect(await billing.charge({ id: '1', amount: 5 })).toEqual({ vip: { charged: 1, amount: 5 } });
  });

  it('decides at the edge alone, for the one call that the edge has let through', async () => {
    const made = await start({ controllers: [Orders] });
    const orders = made.get(Orders);
    await made.listen(0, '127.0.0.1');
    const address = (made.getHttpServer() as Server).address() as AddressInfo;
    const post = async (path: string): Promise<unknown> =>
      (await fetch(`http://127.0.0.1:${address.port}/${path}`, { method: 'POST' })).json();
    expect(await post('inner')).toEqual([1, 1, 2]);
    expect(await post('inner')).toEqual([1, 1, 2]);
    expect(await post('keyed')).toBe(3);
    expect(await orders.keyed('a')).toBe(1);
    orders.runs = 0;
    expect(await post('twice')).toEqual({ run: 2 });
  });

  it('decides for messages by its key function, of a hybrid application too', async () => {
    for (const inheritAppConfig of [true, false]) {
      @Module({ controllers: [Orders], imports: [OnceModule.forRoot()] })
      class AppModule {}
      app = await NestFactory.create(AppModule, { logger: false });
      const micro = app.connectMicroservice<MicroserviceOptions>(
        { transport: Transport.TCP, options: { port: 0, host: '127.0.0.1' } },
        { inheritAppConfig },
      );
      await app.startAllMicroservices();
      const server = micro.unwrap<Server>();
      client = ClientProxyFactory.create({
        transport: Transport.TCP,
        options: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
      });
      for (const _ of [1, 2])
        expect(await lastValueFrom(client.send<object>('order', { id: 'm' }))).toEqual({ order: 1, id: 'm' });
      client.close();
      await app.close();
    }
    app = client = undefined;
  });
});
