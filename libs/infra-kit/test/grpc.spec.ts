import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadPackageDefinition, status, type GrpcObject, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Controller, Logger as NestLog, Module, Scope, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, Transport, type GrpcOptions } from '@nestjs/microservices';
import { InfraContext, SwitchableLogger } from '@infra-kit/kernel';
import { RecordingLogger } from '@infra-kit/kernel/testing';
import { createInfraApp, InfraKitModule, Logger } from '../src/index.js';
import {
  closeGate,
  gate,
  SHOP_PROTO,
  shopClient,
  shopModule,
  removeSockets,
  shopOptions,
  startShop,
  type ShopClient,
} from './grpc-shop.js';

const TRACE = '11112222333344445555666677778888';

let app: INestApplicationContext | undefined;
let client: ShopClient | undefined;
beforeEach(() => {
  NestLog.overrideLogger(false);
  closeGate();
});
afterEach(async () => {
  gate.opened.resolve();
  client?.close();
  await app?.close();
  app = client = undefined;
});
afterAll(removeSockets);

async function served(): Promise<ShopClient> {
  const shop = await startShop();
  app = shop.app;
  client = shopClient(shop.options);
  return client;
}

/** A refusal in `grpc-status-details-bin`, read by a decoder that is not ours. */
function retryInfo(bin: unknown): { code: number; message: string; delay: unknown } {
  const { Refusals } = loadPackageDefinition(loadSync(SHOP_PROTO))['shop'] as GrpcObject;
  const { Read: read } = (Refusals as ServiceClientConstructor).service;
  if (read === undefined) throw new Error('no method in the proto');
  const { code, message, details } = read.requestDeserialize(bin as Buffer) as {
    code: number;
    message: string;
    details: { typeUrl: string; value: Buffer }[];
  };
  expect(details.map(({ typeUrl }) => typeUrl)).toEqual(['type.googleapis.com/google.rpc.RetryInfo']);
  const info = read.responseDeserialize(details[0]?.value ?? Buffer.alloc(0)) as { retryDelay: unknown };
  return { code, message, delay: info.retryDelay };
}

describe('a gRPC handler of a hybrid application', () => {
  it('has the trace and the deadline of its caller', async () => {
    const shop = await served();
    const seen = await InfraContext.run({ traceId: TRACE, timeoutMs: 5000 }, () => shop.call('do', 'x'));
    expect(seen.traceId).toBe(TRACE);
    expect(seen.remainingMs).toBeGreaterThan(0);
    expect(seen.remainingMs).toBeLessThanOrEqual(5001);
    expect((await shop.call('do', 'x')).traceId).toMatch(/^(?!1111)[0-9a-f]{32}$/);
  });

  it.each([
    ['infra', status.NOT_FOUND, 'no such order'],
    ['config', status.INVALID_ARGUMENT, 'quantity'],
    ['http', status.ALREADY_EXISTS, 'taken'],
    ['plain', status.INTERNAL, 'Internal Server Error'],
    ['own', status.OUT_OF_RANGE, 'own words'],
  ])('ends with the status of its error: %s', async (text, code, details) => {
    const shop = await served();
    const refused = await InfraContext.run({ traceId: TRACE }, () => shop.refused(text));
    expect(refused).toMatchObject({ code, details: expect.stringContaining(details) });
    if (text !== 'own') expect(refused.metadata.get('x-trace-id')).toEqual([TRACE]);
    expect(refused.metadata.get('grpc-retry-pushback-ms')).toEqual([]);
  });

  it('that is rate limited ends with RESOURCE_EXHAUSTED, and says when to come again', async () => {
    const shop = await served();
    for (let n = 0; n < 7; n++) await shop.call('do', 'x');
    const { code, details, metadata } = await shop.refused('x');
    expect(code).toBe(status.RESOURCE_EXHAUSTED);
    const waitMs = Number(metadata.get('grpc-retry-pushback-ms')[0]);
    expect(waitMs).toBeGreaterThan(58_000);
    const told = retryInfo(metadata.get('grpc-status-details-bin')[0]);
    const nanos = (waitMs % 1000) * 1_000_000;
    expect(told).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      message: details,
      delay: { seconds: expect.anything(), nanos },
    });
    const { seconds } = told.delay as { seconds: { toString(): string } };
    expect(Number(seconds.toString())).toBe(Math.floor(waitMs / 1000));
  });

  it('behind an open breaker ends with UNAVAILABLE, and says when to come again', async () => {
    const shop = await served();
    expect(await shop.refused('breaker')).toMatchObject({ code: status.UNAVAILABLE, details: 'bank away' });
    const { code, details, metadata } = await shop.refused('breaker');
    expect([code, details]).toEqual([status.UNAVAILABLE, expect.stringContaining("'bank' is open")]);
    expect(Number(metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThan(4000);
  });
});

describe('a microservice', () => {
  async function warnings(
    start: (lines: RecordingLogger) => Promise<INestApplicationContext>,
  ): Promise<string[]> {
    const lines = new RecordingLogger();
    app = await start(lines);
    const told = lines.lines.filter(
      ({ level, message }) => level === 'warn' && /inheritAppConfig/.test(message),
    );
    await app.close();
    app = undefined;
    return told.map(({ message }) => message);
  }

  const listenTo = (context: INestApplicationContext, lines: RecordingLogger): void => {
    const logger = context.get(Logger);
    if (logger instanceof SwitchableLogger) logger.use(lines);
  };

  it.each([
    [true, 0],
    [false, 1],
  ])('connected with inheritAppConfig %s is told about %i times', async (inheritAppConfig, times) => {
    const told = await warnings(async (lines) => {
      const made = await createInfraApp(shopModule());
      listenTo(made, lines);
      made.connectMicroservice<GrpcOptions>(shopOptions(), { inheritAppConfig });
      return made.init();
    });
    expect(told).toHaveLength(times);
  });

  it('of request-scoped controllers alone is not judged', async () => {
    @Controller({ scope: Scope.REQUEST })
    class Scoped {
      @GrpcMethod('Shop', 'Do')
      do(): object {
        return {};
      }
    }
    @Module({ imports: [InfraKitModule.forRoot({ env: 'test' })], controllers: [Scoped] })
    class ScopedModule {}
    const told = await warnings(async (lines) => {
      const made = await createInfraApp(ScopedModule);
      listenTo(made, lines);
      made.connectMicroservice<GrpcOptions>(shopOptions(), { inheritAppConfig: true });
      return made.init();
    });
    expect(told).toEqual([]);
  });

  it('without HTTP finishes its calls when it is closed, and takes no more', async () => {
    const options = shopOptions();
    const made = await NestFactory.createMicroservice<GrpcOptions>(shopModule(), {
      ...options,
      logger: false,
    });
    app = made;
    await made.listen();
    client = shopClient(options);
    const slow = client.call('slow', 'begun');
    await gate.entered.promise;
    const closed = made.close();
    const late = await client.refused('late');
    expect(late.code).toBe(status.UNAVAILABLE);
    gate.opened.resolve();
    expect((await slow).text).toBe('begun');
    await closed;
    app = undefined;
  });
});

describe('the end of a hybrid application', () => {
  it('lets calls that had begun finish', async () => {
    const shop = await served();
    const slow = shop.call('slow', 'begun');
    await gate.entered.promise;
    const closed = app?.close();
    expect((await shop.refused('late')).code).toBe(status.UNAVAILABLE);
    gate.opened.resolve();
    expect((await slow).text).toBe('begun');
    await closed;
    app = undefined;
  });

  it('cuts calls that do not end after drainMs', async () => {
    const shop = await startShop({ shutdown: { drainMs: 50 } });
    app = shop.app;
    client = shopClient(shop.options);
    const stuck = client.call('slow', 'stuck').catch((error: unknown) => error);
    await gate.entered.promise;
    await app.close();
    app = undefined;
    expect(await stuck).toMatchObject({ code: expect.any(Number) });
  });

  it('without the umbrella cuts them (the control)', async () => {
    @Controller()
    class Plain {
      @GrpcMethod('Shop', 'Slow')
      async slow(): Promise<object> {
        gate.entered.resolve();
        await gate.opened.promise;
        return {};
      }
    }
    @Module({ controllers: [Plain] })
    class PlainModule {}
    const options = shopOptions();
    const plain = await NestFactory.create(PlainModule, { logger: false });
    plain.connectMicroservice<GrpcOptions>(options);
    await plain.startAllMicroservices();
    await plain.listen(0, '127.0.0.1');
    client = shopClient(options);
    const slow = client.call('slow', 'begun').catch((error: unknown) => error);
    await gate.entered.promise;
    await plain.close();
    gate.opened.resolve();
    expect(await slow).toMatchObject({ code: expect.any(Number) });
    expect(options.transport).toBe(Transport.GRPC);
  });
});
