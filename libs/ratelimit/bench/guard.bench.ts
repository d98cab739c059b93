import 'reflect-metadata';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { RateLimitGuard, RateLimitModule } from '@infra-kit/ratelimit';
import { compare } from '@infra-kit/testkit/bench';

const LIMIT = 1e8;

/** Decorators by hand: a bench runs as it is written, and decorators cannot be erased. */
function controller(): Type<unknown> {
  class PingController {
    ping(): string {
      return 'pong';
    }
  }
  Controller()(PingController);
  const descriptor = Object.getOwnPropertyDescriptor(PingController.prototype, 'ping');
  if (descriptor !== undefined) Get()(PingController.prototype, 'ping', descriptor);
  return PingController;
}

async function served(
  imports: NonNullable<Parameters<typeof Module>[0]['imports']>,
  guard?: Type<unknown>,
): Promise<NestFastifyApplication> {
  class AppModule {}
  Module({
    imports,
    controllers: [controller()],
    providers: guard === undefined ? [] : [{ provide: APP_GUARD, useClass: guard }],
  })(AppModule);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
    logger: false,
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

const bare = await served([]);
const throttled = await served([ThrottlerModule.forRoot([{ ttl: 60_000, limit: LIMIT }])], ThrottlerGuard);
const limited = await served(
  [
    RateLimitModule.forRoot({
      driver: 'memory',
      defaultRule: 'all',
      rules: { all: { rate: LIMIT, perMs: 60_000, capacity: LIMIT } },
    }),
  ],
  RateLimitGuard,
);
const ask = (app: NestFastifyApplication) => async (): Promise<void> => {
  const { statusCode } = await app.inject({ method: 'GET', url: '/' });
  if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
};

await compare({
  title: 'a guarded request on Fastify, in memory',
  baseline: { name: '@nestjs/throttler', run: ask(throttled) },
  subjects: [
    { name: 'RateLimitGuard', run: ask(limited) },
    { name: 'no guard', run: ask(bare) },
  ],
});
for (const app of [bare, throttled, limited]) await app.close();
