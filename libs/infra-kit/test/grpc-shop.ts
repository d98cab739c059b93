import { status, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { Controller, HttpException, Module, type INestApplication, type Type } from '@nestjs/common';
import {
  ClientProxyFactory,
  GrpcMethod,
  RpcException,
  Transport,
  type GrpcOptions,
} from '@nestjs/microservices';
import { ConfigError, InfraContext, InfraError } from '@infra-kit/kernel';
import { grpcClientInterceptor } from '@infra-kit/metrics/grpc';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, type Observable } from 'rxjs';
import {
  BreakerProvider,
  createInfraApp,
  InfraKitModule,
  RateLimit,
  type InfraKitOptions,
} from '../src/index.js';

export const SHOP_PROTO = join(import.meta.dirname, 'fixtures/shop.proto');

export interface Seen {
  readonly text: string;
  readonly traceId: string;
  readonly remainingMs: number;
}

const FAILURES: Readonly<Record<string, () => Error>> = {
  infra: () => new InfraError('NOT_FOUND', 'no such order'),
  config: () => new ConfigError('orders', ['quantity: must be positive']),
  http: () => new HttpException('taken', 409),
  plain: () => new Error('password=hunter2'),
  own: () => new RpcException({ code: status.OUT_OF_RANGE, message: 'own words' }),
};

/** What a test lets a slow call wait for. */
export const gate = { entered: Promise.withResolvers<void>(), opened: Promise.withResolvers<void>() };
export function closeGate(): void {
  gate.entered = Promise.withResolvers();
  gate.opened = Promise.withResolvers();
}

@Controller()
export class ShopController {
  constructor(readonly breakers: BreakerProvider) {}

  @RateLimit({ rule: 'shop', key: () => 'all' })
  @GrpcMethod('Shop', 'Do')
  async do({ text }: { text: string }): Promise<Seen> {
    const failure = FAILURES[text]?.();
    if (failure) throw failure;
    if (text === 'breaker')
      await this.breakers
        .get('bank')
        .execute(() => Promise.reject(new InfraError('UNAVAILABLE', 'bank away')));
    return { text, traceId: InfraContext.traceId() ?? '', remainingMs: InfraContext.remainingMs() };
  }

  @GrpcMethod('Shop', 'Slow')
  async slow({ text }: { text: string }): Promise<Seen> {
    gate.entered.resolve();
    await gate.opened.promise;
    return { text, traceId: InfraContext.traceId() ?? '', remainingMs: InfraContext.remainingMs() };
  }
}

export interface Shop {
  readonly app: INestApplication;
  readonly options: GrpcOptions;
}

const folders: string[] = [];
export function removeSockets(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A socket of its own: no port can be taken by another. */
export function shopOptions(gracefulShutdown = false): GrpcOptions {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'));
  folders.push(folder);
  const url = `unix:${join(folder, 'grpc')}`;
  return {
    transport: Transport.GRPC,
    options: { package: 'shop', protoPath: SHOP_PROTO, url, gracefulShutdown },
  };
}

export function shopModule(options: InfraKitOptions = {}): Type<unknown> {
  @Module({
    imports: [
      InfraKitModule.forRoot({
        env: 'test',
        breaker: { default: { failureThreshold: 1, openStateTimeoutMs: 5000 } },
        ratelimit: { rules: { shop: { rate: 1, perMs: 60_000, capacity: 7 } } },
        ...options,
      }),
    ],
    controllers: [ShopController],
  })
  class ShopModule {}
  return ShopModule;
}

export async function startShop(config: InfraKitOptions = {}, inheritAppConfig = true): Promise<Shop> {
  const app = await createInfraApp(shopModule(config));
  const options = shopOptions(true); // as Nest's documentation has it: it waits for every stream
  app.connectMicroservice<GrpcOptions>(options, { inheritAppConfig });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  return { app, options };
}

interface ShopService {
  do(wish: { text: string }, metadata?: Metadata): Observable<Seen>;
  slow(wish: { text: string }, metadata?: Metadata): Observable<Seen>;
}

export interface ShopClient {
  call(method: keyof ShopService, text: string): Promise<Seen>;
  /** The error with which the call ends. */
  refused(text: string): Promise<ServiceError>;
  close(): void;
}

export function shopClient({ options }: GrpcOptions): ShopClient {
  const client = ClientProxyFactory.create({
    transport: Transport.GRPC,
    options: { ...options, channelOptions: { interceptors: [grpcClientInterceptor()] } },
  });
  const service = client.getService<ShopService>('Shop');
  const call: ShopClient['call'] = (method, text) => firstValueFrom(service[method]({ text }));
  return {
    call,
    refused: (text) =>
      call('do', text).then(
        () => {
          throw new Error(`'${text}' was answered`);
        },
        (error: ServiceError) => error,
      ),
    close: () => client.close(),
  };
}
