import { afterEach, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import {
  Controller,
  Get,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type INestApplication,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Logger, SwitchableLogger } from '@infra-kit/kernel';
import { faulty, RecordingLogger } from '@infra-kit/kernel/testing';
import {
  InjectRateLimit,
  RateLimit,
  RateLimitGuard,
  RateLimitModule,
  RateLimitProvider,
} from '@infra-kit/ratelimit';
import { serve } from './fixtures/http-app.js';

@Injectable()
class Auth implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Controller()
class Pages {
  @RateLimit({ rule: 'closed', key: () => 'all' })
  @Get('closed')
  closed(): string {
    return 'closed';
  }

  @UseGuards(Auth)
  @RateLimit('plain')
  @Get('plain')
  plain(): string {
    return 'plain';
  }
}

const rules = {
  closed: { rate: 1, capacity: 5, onStoreError: 'closed' },
  plain: { rate: 1, capacity: 50 },
} as const;

let app: INestApplication | undefined;
afterEach(() => app?.close());

it('a rule that closes while the store is away is answered 503 with Retry-After 1', async () => {
  const faults = faulty(await createCache({ driver: 'memory' }, { env: 'test' }), { parts: ['scripts'] });
  @Module({ imports: [RateLimitModule.forRoot({ rules, cache: faults.driver })], controllers: [Pages] })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = `${await app.getUrl()}/closed`;
  expect((await fetch(url)).status).toBe(200);
  faults.fail(() => new Error('away'));
  const refused = await fetch(url);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  faults.heal();
  expect((await fetch(url)).status).toBe(200);
});

it('a call that another rule refuses leaves no slot taken', async () => {
  @Injectable()
  class Reports {
    @RateLimit({ rule: 'slot', key: () => 'all' })
    @RateLimit({ rule: 'single', key: () => 'all' })
    async make(): Promise<void> {}
  }
  const slot = { algorithm: 'concurrency', rate: 1, capacity: 1, perMs: 30_000 } as const;
  @Module({
    imports: [
      RateLimitModule.forRoot({
        driver: 'memory',
        rules: { slot, single: { rate: 1, perMs: 60_000, capacity: 1 } },
      }),
    ],
    providers: [Reports],
  })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false });
  await app.init();
  await app.get(Reports).make();
  await expect(app.get(Reports).make()).rejects.toMatchObject({ decision: { rule: 'single' } });
  expect((await app.get(RateLimitProvider).peek('all', 'slot')).remaining).toBe(1);
});

it('a guard that comes before authentication says once that it counts by address', async () => {
  const served = await serve(
    'express',
    { rules },
    { controllers: [Pages], providers: [{ provide: APP_GUARD, useClass: RateLimitGuard }] },
  );
  app = served.app;
  const lines = new RecordingLogger();
  const logger = app.get(Logger);
  if (logger instanceof SwitchableLogger) logger.use(lines);
  for (let n = 0; n < 3; n++) expect((await served.get('/plain')).status).toBe(200);
  expect((await served.get('/closed')).status).toBe(200);
  expect(lines.lines.map(({ message }) => message)).toEqual([
    expect.stringContaining('no user is known yet'),
  ]);
});

it('named limiters stand beside the one of the decorators, over the cache they name', async () => {
  @Injectable()
  class Partners {
    constructor(
      readonly main: RateLimitProvider,
      @InjectRateLimit('partners') readonly partners: RateLimitProvider,
    ) {}
  }
  @Module({
    imports: [
      RateLimitModule.forRoot({ driver: 'memory', rules }),
      RateLimitModule.forRootAsync({
        name: 'partners',
        useFactory: () => ({ driver: 'memory' as const, rules: { plain: { rate: 1, capacity: 1 } } }),
      }),
    ],
    providers: [Partners],
  })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false });
  const { main, partners } = app.get(Partners);
  expect([main.name, partners.name]).toEqual(['default', 'partners']);
  expect((await partners.allow('a', 'plain')).remaining).toBe(0);
  expect((await main.allow('a', 'plain')).remaining).toBe(49);
  @Module({ imports: [RateLimitModule.forRoot({ cache: 'sessions', rules })] })
  class MissingModule {}
  await expect(NestFactory.create(MissingModule, { logger: false, abortOnError: false })).rejects.toThrow(
    /its cache is missing; .*name: 'sessions'/,
  );
});

it('two applications of one process have limits of their own, and rules of their own', async () => {
  const open = (capacity: number) => {
    @Module({
      imports: [
        RateLimitModule.forRoot({ driver: 'memory', rules: { ...rules, plain: { rate: 1, capacity } } }),
      ],
      controllers: [Pages],
    })
    class AppModule {}
    return NestFactory.create(AppModule, { logger: false, abortOnError: false });
  };
  app = await open(1);
  const other = await open(50);
  const status = async (of: INestApplication): Promise<number> =>
    (await fetch(`${await of.getUrl()}/plain`)).status;
  try {
    for (const one of [app, other]) await one.listen(0, '127.0.0.1');
    expect([await status(app), await status(app), await status(other)]).toEqual([200, 429, 200]);
    await app.close();
    expect(await status(other)).toBe(200);
  } finally {
    await other.close();
  }
});

it('Retry-After is in whole seconds, rounded up, 1 at least', async () => {
  @Controller()
  class Waits {
    @RateLimit({ rule: { rate: 1, perMs: 200, capacity: 1 }, key: () => 'all' })
    @Get('short')
    short(): string {
      return 'short';
    }

    @RateLimit({ rule: { rate: 1, perMs: 61_500, capacity: 1 }, key: () => 'all' })
    @Get('long')
    long(): string {
      return 'long';
    }
  }
  const served = await serve('express', {}, { controllers: [Waits] });
  app = served.app;
  const retry = async (path: string): Promise<unknown> => {
    await served.get(path);
    const { status, headers } = await served.get(path);
    return [status, headers.get('retry-after')];
  };
  expect(await retry('/short')).toEqual([429, '1']);
  expect(await retry('/long')).toEqual([429, '62']);
});

it('a limited route says 429 and 503 in its OpenAPI description, where @nestjs/swagger is installed', async () => {
  app = (await serve('express', { rules }, { controllers: [Pages] })).app;
  const plain = Object.getOwnPropertyDescriptor(Pages.prototype, 'plain')?.value as object;
  expect(Reflect.getMetadata('swagger/apiResponse', plain)).toMatchObject({ 429: {}, 503: {} });
});
