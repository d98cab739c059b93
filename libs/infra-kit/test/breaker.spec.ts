import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Logger, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AddressInfo } from 'node:net';
import {
  BreakerProvider,
  CircuitBreaker,
  createInfraApp,
  InfraKitModule,
  type InfraKitOptions,
} from '../src/index.js';
import { ADAPTERS } from './probe-app.js';

@Controller()
class PayController {
  @Get('pay')
  @CircuitBreaker({ name: 'gateway', policy: { failureThreshold: 1 } })
  async pay(): Promise<never> {
    throw new Error('the gateway is down');
  }
}

let app: INestApplication | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(options: InfraKitOptions, adapter: 'express' | 'fastify' = 'express'): Promise<string> {
  @Module({ imports: [InfraKitModule.forRoot({ env: 'test', ...options })], controllers: [PayController] })
  class AppModule {}
  Logger.overrideLogger(false);
  app = await createInfraApp(AppModule, { adapter, port: 0, host: '127.0.0.1' });
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
}

describe('breaker in the umbrella', () => {
  it.each(ADAPTERS)(
    'an open one is 503 problem+json with Retry-After and a trace id on %s',
    async (adapter) => {
      const url = await start({ breaker: { default: { openStateTimeoutMs: 7000 } } }, adapter);
      expect((await fetch(`${url}/pay`)).status).toBe(500);
      const refused = await fetch(`${url}/pay`);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '7']);
      expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await refused.json()).toMatchObject({
        code: 'UNAVAILABLE',
        traceId: refused.headers.get('x-trace-id'),
      });
    },
  );

  it('shares through the cache that it names, out of those that are loaded', async () => {
    await start({ cache: [{}, { name: 'fleet' }], breaker: { share: { cache: 'fleet' } } });
    expect(await app?.get(BreakerProvider).health()).toMatchObject({ status: 'up', detail: { share: 'up' } });
  });

  it('shares by forRootAsync too', async () => {
    const module = InfraKitModule.forRootAsync({
      components: ['cache', 'breaker'],
      useFactory: () => ({ env: 'test', cache: true, breaker: { share: true } }),
    });
    const context = await NestFactory.createApplicationContext(module, {
      logger: false,
      abortOnError: false,
    });
    expect(await context.get(BreakerProvider).health()).toMatchObject({ detail: { share: 'up' } });
    await context.close();
  });

  it.each([
    [{ breaker: { share: true } }, /breaker\.share: its cache is not loaded; add it: cache: true/],
    [
      { cache: true as const, breaker: { share: { cache: 'fleet' } } },
      /add it: cache: \[\{ name: 'fleet' \}\]/,
    ],
    [{ breaker: { default: { failureRate: 2 } } }, /breaker\.default\.failureRate/],
  ])('refuses to start with %j, and says what to change', async (options, problem) => {
    const module = InfraKitModule.forRoot({ env: 'development', health: false, ...options });
    await expect(
      NestFactory.createApplicationContext(module, { logger: false, abortOnError: false }),
    ).rejects.toThrow(problem);
  });

  it('is asked for by name when a service injects it and it is not loaded', async () => {
    await expect(start({})).rejects.toThrow(/InfraKitModule\.forRoot\(\{ breaker/);
  });
});
