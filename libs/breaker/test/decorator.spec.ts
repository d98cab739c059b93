import 'reflect-metadata';
import { expect, it } from '@jest/globals';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { firstValueFrom, of, Observable } from 'rxjs';
import { BreakerModule, BreakerProvider, CircuitBreaker } from '../src/index.js';

class Payments {
  @CircuitBreaker('pay')
  async pay(): Promise<string> {
    return 'paid';
  }

  @CircuitBreaker('stream')
  stream(): Observable<string> {
    return of('streamed');
  }
}

class Circle {
  @CircuitBreaker({ name: 'circle', fallback: 'pay' })
  async pay(): Promise<string> {
    return 'paid';
  }
}

const policy = { window: { type: 'count', size: 20 } } as const;

class Shared {
  @CircuitBreaker({ name: 'shared', policy })
  async read(): Promise<string> {
    throw new Error('down');
  }

  @CircuitBreaker({ name: 'shared', policy: { ...policy } })
  async write(): Promise<string> {
    throw new Error('down');
  }
}

function start(provider: new () => object): Promise<INestApplicationContext> {
  @Module({ imports: [BreakerModule.forRoot()], providers: [provider] })
  class AppModule {}
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
}

it('a decorated method of an application that has closed rejects, and never throws at once', async () => {
  const app = await start(Payments);
  const payments = app.get(Payments);
  expect([await payments.pay(), await firstValueFrom(payments.stream())]).toEqual(['paid', 'streamed']);
  await app.close();
  const closed = { code: 'FAILED_PRECONDITION', message: expect.stringContaining('closed') };
  expect(await payments.pay().catch((error: unknown) => error)).toMatchObject(closed);
  const stream = payments.stream();
  await expect(firstValueFrom(stream)).rejects.toMatchObject(closed);
});

it('a method that is its own fallback fails the start', async () => {
  await expect(start(Circle)).rejects.toThrow(/Circle\.pay: its fallback is the method itself/);
});

it('methods of one name that give the same policy count together, and do not take the window from each other', async () => {
  const app = await start(Shared);
  const shared = app.get(Shared);
  for (let call = 0; call < 5; call++)
    for (const method of ['read', 'write'] as const) await shared[method]().catch(() => undefined);
  expect(app.get(BreakerProvider).get('shared').snapshot()).toMatchObject({ state: 'open', failures: 10 });
  await app.close();
});

it('a policy that is given by hand is not undone by the next decorated call', async () => {
  const app = await start(Shared);
  const breaker = app.get(BreakerProvider).get('shared', { failureThreshold: 1 });
  await app
    .get(Shared)
    .read()
    .catch(() => undefined);
  expect(breaker.state).toBe('open');
  await app.close();
});
