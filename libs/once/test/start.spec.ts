import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Injectable, Next, Post, Res, Sse, type INestApplication } from '@nestjs/common';
import { Idempotent, OnceModule, OnceProvider } from '@infra-kit/once';
import { of, type Observable } from 'rxjs';
import { startApp } from './fixtures/start-app.js';

@Injectable()
class Works {
  @Idempotent({ key: () => 'k' })
  async work(): Promise<void> {}
}

@Controller()
class Headed {
  @Post()
  @Idempotent()
  async work(): Promise<void> {}
}

let app: INestApplication | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe('a start', () => {
  it('fails without the module, and says what to import', async () => {
    for (const parts of [{ providers: [Works] }, { controllers: [Headed] }])
      await expect(startApp(parts, false)).rejects.toThrow(
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
      await expect(startApp({ controllers: [cls] })).rejects.toThrow(message);
    }
    Injectable()(NoKey);
    await expect(startApp({ providers: [NoKey] })).rejects.toThrow(/NoKey\.work: .*key function/);
  });

  it.each([
    ['a bad header', { header: 'a b' }, /header must be/],
    ['header and key', { header: 'a', key: () => '' }, /exclude each other/],
    ['a key that is none', { key: 'k' }, /key must be a function/],
    ['a scope that is none', { scope: 'k' }, /scope must be a function/],
    ['another fingerprint', { fingerprint: 'all' }, /fingerprint must be/],
    ['required as text', { required: 'yes' }, /required must be/],
    ['headers that are none', { replayHeaders: 'etag' }, /replayHeaders must be/],
    ['a time that is none', { ttlMs: -1 }, /ttlMs must be whole milliseconds .*got -1/],
    ['a lease as text', { leaseMs: '30s' }, /leaseMs must be .*got "30s"/],
    ['another way to wait', { onInFlight: 'queue' }, /onInFlight must be 'reject' or 'wait', got "queue"/],
    ['an endless size', { maxResultBytes: Infinity }, /maxResultBytes must be a number/],
    ['a waiting time that is none', { waitMs: Number.NaN }, /waitMs must be a number .*got NaN/],
    ['errors to keep that are no function', { storeError: true }, /storeError must be a function/],
    ['another store', { store: 'file' }, /store must be 'cache' or 'db', got "file"/],
    ['options that are none', 'charge', /options must be an object/],
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
    app = await startApp({ controllers: [Documented] });
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
    app = await startApp({ controllers: [Headed] });
    const headed = app.get(Headed);
    await expect(headed.work()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Headed.work was called without a request'),
    });
  });

  it('provides named instances, and the default one by its type', async () => {
    app = await startApp({ imports: [OnceModule.forRoot({ name: 'payments' })] });
    expect(app.get(OnceProvider).name).toBe('default');
    expect(app.get<OnceProvider>(Symbol.for('infra-kit:once:payments')).name).toBe('payments');
  });
});
