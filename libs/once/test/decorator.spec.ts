import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Injectable,
  Module,
  Next,
  Post,
  Res,
  Sse,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
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
import { Idempotent, OnceModule, OnceProvider } from '@infra-kit/once';
import type { AddressInfo, Server } from 'node:net';
import { defer, lastValueFrom, of, Observable, toArray } from 'rxjs';

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

async function start(
  parts: { controllers?: (typeof Orders)[]; providers?: (typeof Billing)[] },
  withModule = true,
): Promise<INestApplication> {
  @Module({ ...parts, imports: withModule ? [OnceModule.forRoot()] : [] })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.init();
  return app;
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

describe('a start', () => {
  it('fails without the module, and says what to import', async () => {
    for (const parts of [{ providers: [Billing] }, { controllers: [Orders] }])
      await expect(start(parts, false)).rejects.toThrow(
        /OnceModule\.forRoot\(\.\.\.\) or InfraKitModule\.forRoot\(\{ once:/,
      );
  });

  it('fails for a handler whose answer cannot be kept, and names it', async () => {
    class SendsItself {
      @Post()
      @Idempotent()
      send(@Res() response: { end: () => void }): void {
        response.end();
      }
    }
    class GoesOn {
      @Post()
      @Idempotent()
      go(@Next() next: () => void): void {
        next();
      }
    }
    class Streams {
      @Sse()
      @Idempotent({ required: false })
      events(): Observable<object> {
        return of({ data: 1 });
      }
    }
    class NoKey {
      @Idempotent()
      async work(): Promise<void> {}
    }
    class NoDatabase {
      @Post()
      @Idempotent({ store: 'db' })
      work(): void {}
    }
    for (const [cls, message] of [
      [SendsItself, /SendsItself\.send: .*passthrough/],
      [GoesOn, /GoesOn\.go: /],
      [Streams, /Streams\.events: .*@Sse/],
      [NoDatabase, /NoDatabase\.work: store 'db' needs a database/],
    ] as const) {
      Controller()(cls);
      await expect(start({ controllers: [cls as never] })).rejects.toThrow(message);
    }
    Injectable()(NoKey);
    await expect(start({ providers: [NoKey as never] })).rejects.toThrow(/NoKey\.work: .*key function/);
  });

  it.each([
    ['a bad header', { header: 'a b' }, /header must be/],
    ['header and key', { header: 'a', key: () => '' }, /exclude each other/],
    ['a key that is none', { key: 'k' }, /key must be a function/],
    ['a scope that is none', { scope: 'k' }, /scope must be a function/],
    ['another fingerprint', { fingerprint: 'all' }, /fingerprint must be/],
    ['required as text', { required: 'yes' }, /required must be/],
    ['headers that are none', { replayHeaders: 'etag' }, /replayHeaders must be/],
  ])('is not even reached with %s', (_name, options, message) => {
    expect(() => Idempotent(options as object)).toThrow(message);
  });

  it('is not reached with the decorator twice on a method', () => {
    class Twice {
      async work(): Promise<void> {}
    }
    const stand = (): void => {
      const descriptor = Object.getOwnPropertyDescriptor(Twice.prototype, 'work') as PropertyDescriptor;
      Idempotent({ key: () => 'k' })(Twice.prototype, 'work', descriptor);
      Object.defineProperty(Twice.prototype, 'work', descriptor);
    };
    stand();
    expect(stand).toThrow(/stands twice on work/);
  });

  it('tells OpenAPI of the header and the refusals', async () => {
    class Documented {
      @Post()
      @Idempotent({ header: 'X-Key', required: false })
      work(): void {}
    }
    Controller()(Documented);
    await start({ controllers: [Documented as never] });
    const work = Object.getOwnPropertyDescriptor(Documented.prototype, 'work')?.value as object;
    expect(Object.keys(Reflect.getMetadata('swagger/apiResponse', work) as object)).toEqual([
      '201',
      '409',
      '422',
      '503',
    ]);
    expect(Reflect.getMetadata('swagger/apiParameters', work)).toMatchObject([
      { name: 'X-Key', in: 'header', required: false },
    ]);
  });

  it('refuses a direct call that has no request to take its key from', async () => {
    class Headed {
      @Post()
      @Idempotent()
      async work(): Promise<void> {}
    }
    Controller()(Headed);
    const headed = (await start({ controllers: [Headed as never] })).get(Headed);
    await expect(headed.work()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Headed.work was called without a request'),
    });
  });

  it('provides named instances, and the default one by its type', async () => {
    @Module({ imports: [OnceModule.forRoot(), OnceModule.forRoot({ name: 'payments' })] })
    class AppModule {}
    app = await NestFactory.create(AppModule, { logger: false });
    await app.init();
    expect(app.get(OnceProvider).name).toBe('default');
    expect(app.get<OnceProvider>(Symbol.for('infra-kit:once:payments')).name).toBe('payments');
  });
});
