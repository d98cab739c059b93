import 'reflect-metadata';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { InfraKitModule, type InfraKitOptions } from 'infra-kit';
import { compare } from '@infra-kit/testkit/bench';

class HelloController {
  hello(): string {
    return 'hello';
  }
}
Controller()(HelloController);
const descriptor = Object.getOwnPropertyDescriptor(HelloController.prototype, 'hello');
if (descriptor === undefined) throw new Error('the handler is gone');
Get()(HelloController.prototype, 'hello', descriptor);

async function start(options?: InfraKitOptions): Promise<NestFastifyApplication> {
  class AppModule {}
  const imports = options === undefined ? [] : [InfraKitModule.forRoot(options)];
  Module({ imports, controllers: [HelloController] })(AppModule);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule as Type, new FastifyAdapter(), {
    logger: false,
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}

const bare = await start();
const umbrella = await start({ env: 'test' });
const logged = await start({ env: 'test', clog: { output: '/dev/null', format: 'json', level: 'info' } });
const ask = (app: NestFastifyApplication) => async (): Promise<void> => {
  const { statusCode } = await app.inject('/');
  if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
};

// inject: a whole request through Fastify and Nest without a socket, so that the suite's share is largest
await compare({
  title: 'a request through Nest on Fastify, without a socket',
  baseline: { name: 'bare Nest', run: ask(bare) },
  subjects: [
    { name: 'with InfraKitModule (context, health, filter)', run: ask(umbrella) },
    { name: 'with InfraKitModule and clog (access line to /dev/null)', run: ask(logged) },
  ],
});
await Promise.all([bare.close(), umbrella.close(), logged.close()]);
