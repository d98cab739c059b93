import { afterEach, expect, it } from '@jest/globals';
import { status, type ServiceError } from '@grpc/grpc-js';
import { Controller, Logger, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  GrpcMethod,
  Transport,
  type ClientGrpcProxy,
  type GrpcOptions,
} from '@nestjs/microservices';
import { RateLimit, RateLimitModule, RateLimitProvider } from '@infra-kit/ratelimit';
import { freePort } from '@infra-kit/testkit';
import { join } from 'node:path';
import { firstValueFrom, lastValueFrom, of, toArray, type Observable } from 'rxjs';

@Controller()
class LimitsController {
  @RateLimit('two')
  @GrpcMethod('Limits', 'Ask')
  ask(): object {
    return { text: 'yes' };
  }

  @RateLimit({ rule: 'one', key: () => 'streams' })
  @GrpcMethod('Limits', 'Watch')
  watch(): Observable<object> {
    return of({ text: 'a' }, { text: 'b' });
  }
}

@Module({
  imports: [
    RateLimitModule.forRoot({
      driver: 'memory',
      rules: { one: { rate: 1, perMs: 60_000, capacity: 1 }, two: { rate: 1, perMs: 60_000, capacity: 2 } },
    }),
  ],
  controllers: [LimitsController],
})
class LimitsModule {}

interface Limits {
  ask(nothing: object): Observable<{ text: string }>;
  watch(nothing: object): Observable<{ text: string }>;
}

let service: INestMicroservice | undefined;
let client: ClientGrpcProxy | undefined;
afterEach(async () => {
  client?.close();
  await service?.close();
});

async function start(): Promise<Limits> {
  Logger.overrideLogger(false);
  const options: GrpcOptions = {
    transport: Transport.GRPC,
    options: {
      package: 'limits',
      protoPath: join(import.meta.dirname, 'fixtures/limits.proto'),
      url: `127.0.0.1:${await freePort()}`,
    },
  };
  service = await NestFactory.createMicroservice<GrpcOptions>(LimitsModule, { ...options, logger: false });
  await service.listen();
  client = ClientProxyFactory.create({ ...options, transport: Transport.GRPC });
  return client.getService<Limits>('Limits');
}

const refusal = (call: Observable<unknown>): Promise<unknown> =>
  firstValueFrom(call).then(
    () => 'answered',
    (error: ServiceError) => error,
  );

it('a call of gRPC is counted once, for the address of its client, and refused with RESOURCE_EXHAUSTED and when to come again', async () => {
  const limits = await start();
  for (let n = 0; n < 2; n++) expect(await firstValueFrom(limits.ask({}))).toEqual({ text: 'yes' });
  const refused = (await refusal(limits.ask({}))) as ServiceError;
  expect(refused).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringContaining("'two' is exhausted"),
  });
  expect(Number(refused.metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThan(20_000);
  expect(refused.metadata.get('grpc-status-details-bin')).toHaveLength(1);
  const provider = service?.get(RateLimitProvider, { strict: false });
  expect((await provider?.peek('ip:127.0.0.1', 'two'))?.remaining).toBe(0);
});

it('a stream of gRPC is one call, and refused before its first item', async () => {
  const limits = await start();
  expect(await lastValueFrom(limits.watch({}).pipe(toArray()))).toHaveLength(2);
  expect(await refusal(limits.watch({}))).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});
