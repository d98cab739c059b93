import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { FakeClock } from '@infra-kit/kernel/testing';
import { CacheProvider, Clock, InfraKitModule, ResourceStack, UidProvider } from '../src/index.js';
import { infraTesting } from '../src/testing/index.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});
function keep<T extends { close(): Promise<void> }>(app: T): T {
  open.push(app);
  return app;
}

const context = async (
  module: Parameters<typeof NestFactory.createApplicationContext>[0],
): Promise<INestApplicationContext> =>
  keep(await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false }));

describe('two applications in one process', () => {
  it('do not meet: caches, ids and the end of one are its own', async () => {
    const options = { env: 'test', uid: { instanceId: 7 }, cache: true } as const;
    const [one, two] = await Promise.all([
      context(InfraKitModule.forRoot(options)),
      context(InfraKitModule.forRoot(options)),
    ]);
    expect(one.get(CacheProvider)).not.toBe(two.get(CacheProvider));
    await one.get(CacheProvider).set('key', 'one');
    expect(await two.get(CacheProvider).get('key')).toBeUndefined();
    await one.close();
    await expect(one.get(CacheProvider).get('key')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await two.get(CacheProvider).set('key', 'two');
    expect(await two.get(CacheProvider).get('key')).toBe('two');
  });
});

@Injectable()
class Greeter {
  constructor(
    readonly cache: CacheProvider,
    readonly uid: UidProvider,
    readonly clock: Clock,
  ) {}
}

@Module({
  imports: [
    InfraKitModule.forRoot({
      env: 'production',
      uid: true,
      cache: { driver: 'redis', url: 'redis://127.0.0.1:1' },
    }),
  ],
  providers: [Greeter],
})
class ProductionModule {}

describe('tests of an application', () => {
  it('run on memory drivers and a FakeClock by forTest', async () => {
    @Module({
      imports: [InfraKitModule.forTest({ uid: true, cache: { url: 'redis://127.0.0.1:1' } })],
      providers: [Greeter],
    })
    class TestAppModule {}
    const greeter = (await context(TestAppModule)).get(Greeter);
    expect(greeter.clock).toBeInstanceOf(FakeClock);
    await greeter.cache.set('key', 1, { ttlMs: 1000 });
    await (greeter.clock as FakeClock).advance(1001);
    expect(await greeter.cache.get('key')).toBeUndefined();
  });

  it('run an AppModule made for production on memory drivers by infraTesting', async () => {
    const clock = new FakeClock();
    const module = keep(
      await infraTesting(Test.createTestingModule({ imports: [ProductionModule] }), { clock }).compile(),
    );
    const greeter = module.get(Greeter);
    expect(greeter.clock).toBe(clock);
    await greeter.cache.set('key', 1);
    expect(await greeter.cache.get('key')).toBe(1);
  });

  it('shut down at once, whatever the module says of production', async () => {
    @Module({ imports: [InfraKitModule.forTest({ shutdown: { readinessDelayMs: 600_000 } })] })
    class PatientModule {}
    const app = await NestFactory.create(PatientModule, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    await app.close(); // would outlast the test
  });

  it('run on memory drivers with INFRA_ENV=test', async () => {
    process.env['INFRA_ENV'] = 'test';
    try {
      expect((await context(ProductionModule)).get(Clock)).toBeInstanceOf(FakeClock);
    } finally {
      delete process.env['INFRA_ENV'];
    }
  });
});

describe('a start that fails', () => {
  it('closes what was opened before', async () => {
    let closed = false;
    @Injectable()
    class Opener {
      constructor(stack: ResourceStack) {
        stack.push({ name: 'opened early', phase: 'connections', close: () => void (closed = true) });
      }
    }
    @Module({
      imports: [
        InfraKitModule.forRoot({
          env: 'development',
          cache: { driver: 'redis', url: 'redis://127.0.0.1:1', connectTimeoutMs: 500 },
        }),
      ],
      providers: [Opener],
    })
    class FailingModule {}
    await expect(
      NestFactory.createApplicationContext(FailingModule, { logger: false, abortOnError: false }),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(closed).toBe(true);
  });
});

describe('user hooks', () => {
  it('may use every provider until the last one has run, in either order of imports', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Farewell {
      constructor(private readonly cache: CacheProvider) {}
      async onApplicationShutdown(): Promise<void> {
        await this.cache.set('bye', 1);
        seen.push(await this.cache.get('bye'));
      }
    }
    @Module({ providers: [Farewell] })
    class FarewellModule {}
    const kit = (): ReturnType<typeof InfraKitModule.forRoot> =>
      InfraKitModule.forRoot({ env: 'test', cache: true });
    @Module({ imports: [FarewellModule, kit()] })
    class HooksFirst {}
    @Module({ imports: [kit(), FarewellModule] })
    class HooksLast {}
    for (const module of [HooksFirst, HooksLast]) await (await context(module)).close();
    expect(seen).toEqual([1, 1]);
  });
});
