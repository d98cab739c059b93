import 'reflect-metadata';
import { expect, it } from '@jest/globals';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { firstValueFrom, of, Observable } from 'rxjs';
import { BreakerModule, CircuitBreaker } from '../src/index.js';

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
