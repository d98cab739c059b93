import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  type INestApplication,
  type Provider,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { InfraContext, InfraError, InfraExceptionFilter } from '@infra-kit/kernel';
import { firstValueFrom, lastValueFrom, NEVER, Observable, of, throwError, toArray } from 'rxjs';
import { BreakerModule, BreakerProvider, BreakerTimeoutError, CircuitBreaker } from '../src/index.js';

let mode: 'answer' | 'fail' | 'hang' | 'refuse' = 'answer';

@Injectable()
class Payments {
  readonly currency: string = 'EUR';

  @CircuitBreaker({ name: 'pay', policy: { failureThreshold: 2 }, fallback: 'later' })
  async pay(order: string, cents: number): Promise<string> {
    if (mode === 'refuse') throw new InfraError('INVALID_ARGUMENT', 'no such order');
    if (mode === 'fail') throw new Error('the gateway is down');
    return `paid ${cents} ${this.currency} for ${order}`;
  }

  async later(order: string, cents: number, error: Error): Promise<string> {
    return `later: ${order}, ${cents} ${this.currency}, ${error.constructor.name}`;
  }

  @CircuitBreaker({
    name: 'quote',
    fallback: (error: Error, order: string) => `about ${order}: ${error.message}`,
  })
  async quote(_order: string): Promise<string> {
    throw new Error('no quotes');
  }

  @CircuitBreaker({ name: 'limited', policy: { timeoutMs: 20 } })
  async limited(): Promise<string> {
    if (mode === 'answer') return String(InfraContext.current()?.signal?.aborted);
    const signal = InfraContext.current()?.signal;
    return new Promise((_resolve, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error)),
    );
  }

  @CircuitBreaker({ name: 'stream', policy: { failureThreshold: 2, maxConcurrent: 1 } })
  stream(...items: string[]): Observable<string> {
    if (mode === 'hang') return NEVER;
    return mode === 'fail' ? throwError(() => new Error('torn')) : of(...items);
  }

  @CircuitBreaker({ name: 'patient stream', policy: { timeoutMs: 20 }, fallback: () => of('a', 'b') })
  patientStream(): Observable<string> {
    return NEVER;
  }
}

@Injectable()
class CashPayments extends Payments {
  override readonly currency = 'CASH';
}

@Controller('pay')
class PayController {
  @Get()
  @CircuitBreaker({ name: 'edge', policy: { failureThreshold: 1, openStateTimeoutMs: 30_000 } })
  async pay(): Promise<string> {
    if (mode === 'fail') throw new Error('the gateway is down');
    return 'paid';
  }

  @CircuitBreaker({ name: 'edge stream', policy: { failureThreshold: 1 } })
  @Get('stream')
  stream(): Observable<string> {
    return mode === 'fail' ? throwError(() => new Error('torn')) : of('streamed');
  }
}

@Controller({ path: 'request', scope: Scope.REQUEST })
class RequestController extends PayController {}

let app: INestApplication | undefined;
afterEach(async () => {
  mode = 'answer';
  await app?.close();
  app = undefined;
});

const ADAPTERS = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };

async function start(
  providers: Provider[],
  imports: object[] = [BreakerModule.forRoot()],
  {
    adapter = 'express',
    controllers = [],
  }: { adapter?: keyof typeof ADAPTERS; controllers?: Type<unknown>[] } = {},
): Promise<INestApplication> {
  @Module({ imports: imports as Type<unknown>[], providers, controllers })
  class AppModule {}
  app = await NestFactory.create(AppModule, ADAPTERS[adapter](), { logger: false, abortOnError: false });
  app.useGlobalFilters(new InfraExceptionFilter());
  await app.init();
  return app;
}

describe('@CircuitBreaker', () => {
  it('stands before a method of a service: counts, opens, and asks the fallback method with the arguments first', async () => {
    const payments = (await start([Payments])).get(Payments);
    expect(await payments.pay('o1', 500)).toBe('paid 500 EUR for o1');
    mode = 'fail';
    expect(await payments.pay('o2', 5)).toBe('later: o2, 5 EUR, Error');
    await payments.pay('o2', 5);
    mode = 'answer';
    expect(await payments.pay('o3', 7)).toBe('later: o3, 7 EUR, BreakerOpenError');
    expect(app?.get(BreakerProvider).get('pay').state).toBe('open');
  });

  it('asks a fallback function with the error first, and none for a client error', async () => {
    const payments = (await start([Payments])).get(Payments);
    expect(await payments.quote('o1')).toBe('about o1: no quotes');
    mode = 'refuse';
    await expect(payments.pay('x', 1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('runs the method in a context whose signal aborts with the time limit', async () => {
    const payments = (await start([Payments])).get(Payments);
    expect(await payments.limited()).toBe('false');
    mode = 'hang';
    await expect(payments.limited()).rejects.toBeInstanceOf(BreakerTimeoutError);
  });

  it('works on inherited methods, with the subclass as this, on one breaker a name', async () => {
    const started = await start([Payments, CashPayments]);
    expect(await started.get(CashPayments).pay('o1', 5)).toBe('paid 5 CASH for o1');
    mode = 'fail';
    for (const each of [Payments, CashPayments]) await started.get(each).pay('o2', 5);
    expect(started.get(BreakerProvider).get('pay').state).toBe('open');
  });

  it('works on instances that a factory or useValue brought', async () => {
    const started = await start([
      { provide: 'made', useFactory: () => new Payments() },
      { provide: 'given', useValue: new Payments() },
    ]);
    for (const token of ['made', 'given'])
      expect(await started.get<Payments>(token).pay('o1', 5)).toBe('paid 5 EUR for o1');
    await expect(new Payments().pay('o1', 5)).rejects.toThrow(/BreakerModule\.forRoot/);
  });

  it('counts an Observable by its first error or completion, and a subscriber who leaves not at all', async () => {
    const started = await start([Payments]);
    const payments = started.get(Payments);
    const breaker = started.get(BreakerProvider).get('stream');
    expect(await lastValueFrom(payments.stream('a', 'b').pipe(toArray()))).toEqual(['a', 'b']);
    expect(breaker.snapshot()).toMatchObject({ calls: 1, failures: 0 });
    mode = 'hang';
    payments.stream().subscribe().unsubscribe();
    await new Promise((resolve) => setImmediate(resolve));
    expect(breaker.snapshot()).toMatchObject({ calls: 1, inFlight: 0 });
    mode = 'fail';
    for (let call = 0; call < 2; call++)
      await expect(firstValueFrom(payments.stream('a'))).rejects.toThrow('torn');
    await expect(firstValueFrom(payments.stream('a'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await lastValueFrom(payments.patientStream().pipe(toArray()))).toEqual(['a', 'b']);
  });

  it.each(['express', 'fastify'] as const)(
    'over HTTP on %s an open breaker is 503 problem+json with Retry-After, on promises, Observables and request-scoped handlers',
    async (adapter) => {
      const started = await start([], [BreakerModule.forRoot()], {
        adapter,
        controllers: [PayController, RequestController],
      });
      await started.listen(0, '127.0.0.1');
      const url = await started.getUrl();
      for (const path of ['/pay', '/pay/stream', '/request']) {
        started
          .get(BreakerProvider)
          .all()
          .forEach((breaker) => breaker.reset());
        mode = 'answer';
        expect((await fetch(url + path)).status).toBe(200);
        mode = 'fail';
        expect((await fetch(url + path)).status).toBe(500);
        const refused = await fetch(url + path);
        expect([
          refused.status,
          refused.headers.get('retry-after'),
          refused.headers.get('content-type'),
        ]).toEqual([503, '30', expect.stringMatching(/^application\/problem\+json/)]);
        expect(await refused.json()).toMatchObject({
          code: 'UNAVAILABLE',
          detail: expect.stringContaining('is open'),
        });
      }
    },
  );
});
