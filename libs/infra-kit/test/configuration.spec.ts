import { afterEach, describe, expect, it } from '@jest/globals';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  CacheProvider,
  FixedWorkerIdSource,
  getCacheToken,
  InfraKitModule,
  isConfigError,
  UidProvider,
  WorkerIdSource,
} from '../src/index.js';

async function problemsOf(module: DynamicModule): Promise<readonly string[]> {
  const error: unknown = await NestFactory.createApplicationContext(module, {
    logger: false,
    abortOnError: false,
  }).then(
    (app) => app.close(),
    (failure: unknown) => failure,
  );
  if (!isConfigError(error)) throw new Error(`expected a ConfigError, got ${String(error)}`);
  return error.problems;
}

const loose = (options: object): DynamicModule => InfraKitModule.forRoot(options);

describe('a bad configuration', () => {
  it('is refused whole: every wrong and unknown field of the umbrella and of all components in one error', async () => {
    const problems = await problemsOf(
      loose({
        env: 'test',
        http: { traceHeader: 'X Y', colour: 1 },
        shutdown: { drainMs: -1 },
        cach: true,
        uid: { instanceId: 5000 },
        cache: [{ commandTimeoutMs: 'soon' }, { name: 'sessions', codec: 'xml', password: 42 }],
      }),
    );
    const text = problems.join('\n');
    for (const field of [
      'http.traceHeader',
      'http.colour',
      'shutdown.drainMs',
      'cach:',
      'uid.instanceId',
      'cache.commandTimeoutMs',
      'cache:sessions.codec',
    ])
      expect(text).toContain(field);
    expect(text).toContain('5000');
    expect(text).not.toContain('42');
  });

  it('is not looked at before the application is created', () => {
    expect(() => loose({ cache: { codec: 'xml' } })).not.toThrow();
  });

  it('names all missing addresses at once in production', async () => {
    const problems = await problemsOf(
      loose({ env: 'production', uid: { instanceId: 1 }, cache: [{}, { name: 'sessions' }] }),
    );
    expect(problems.filter((problem) => problem.includes('REDIS_URL'))).toHaveLength(2);
  });

  it('says what false and numbers are not', async () => {
    expect((await problemsOf(loose({ env: 'test', cache: false }))).join()).toMatch(/cache: must be true/);
  });

  it('refuses two instances of one name', async () => {
    expect((await problemsOf(loose({ env: 'test', cache: [true, {}] }))).join()).toMatch(
      /'default' appears more than once/,
    );
  });

  it('does not show the credentials of a bad address', async () => {
    const text = (await problemsOf(loose({ env: 'test', cache: { url: 'http://me:hunter2@cache' } }))).join();
    expect(text).toMatch(/url/);
    expect(text).not.toContain('hunter2');
  });
});

describe('an application', () => {
  it('has one umbrella: a second one is refused', async () => {
    @Module({
      imports: [loose({ env: 'test', cache: true }), loose({ env: 'test', uid: { instanceId: 7 } })],
    })
    class TwoUmbrellas {}
    await expect(
      NestFactory.createApplicationContext(TwoUmbrellas, { logger: false, abortOnError: false }),
    ).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('into one forRoot'),
    });
  });

  it('in production needs an instance id for uid, named beside the missing addresses', async () => {
    const problems = await problemsOf(loose({ env: 'production', uid: true, cache: true }));
    expect(problems.join('\n')).toMatch(/uid\.instanceId[\s\S]*REDIS_URL/);
  });

  it('takes a WorkerIdSource in its place', async () => {
    @Global()
    @Module({
      providers: [{ provide: WorkerIdSource, useValue: new FixedWorkerIdSource(9) }],
      exports: [WorkerIdSource],
    })
    class IdsModule {}
    @Module({ imports: [IdsModule, loose({ env: 'production', uid: true })] })
    class WithIds {}
    const app = await NestFactory.createApplicationContext(WithIds, { logger: false, abortOnError: false });
    expect(app.get(UidProvider).instanceId).toBe(9);
    await app.close();
  });

  it('does not start with a critical component that nobody registered', async () => {
    expect(
      (await problemsOf(loose({ env: 'development', cache: true, health: { critical: ['cahce'] } }))).join(),
    ).toMatch(/no 'cahce'; there are cache/);
  });
});

describe('forRootAsync', () => {
  const SETTINGS = Symbol('settings');
  @Module({ providers: [{ provide: SETTINGS, useValue: { prefix: 'async:' } }], exports: [SETTINGS] })
  class SettingsModule {}

  it('loads what components names, configured by the factory', async () => {
    const module = InfraKitModule.forRootAsync({
      components: ['uid', 'cache', 'cache:sessions'],
      imports: [SettingsModule],
      inject: [SETTINGS],
      useFactory: (settings) => ({
        env: 'test',
        uid: true,
        cache: { keyPrefix: (settings as { prefix: string }).prefix },
        'cache:sessions': { defaultTtlMs: '30s' as unknown as number },
      }),
    });
    const app = await NestFactory.createApplicationContext(module, { logger: false });
    try {
      expect(app.get(UidProvider).uuidv7()).toMatch(/-7/);
      await app.get(CacheProvider).set('a', 1);
      expect(await app.get<CacheProvider>(getCacheToken('sessions')).get('a')).toBeUndefined();
    } finally {
      await app.close();
    }
  });

  it('fails when the factory leaves out an entry or adds one, and the compiler says so first', async () => {
    const missing = InfraKitModule.forRootAsync({
      components: ['uid', 'cache'],
      // @ts-expect-error cache is missing
      useFactory: () => ({ env: 'test', uid: true as const }),
    });
    expect((await problemsOf(missing)).join()).toMatch(/^cache: named in components/);
    const extra = InfraKitModule.forRootAsync({
      components: ['uid'],
      // @ts-expect-error cache is not named
      useFactory: () => ({ env: 'test', uid: true as const, cache: true as const }),
    });
    expect((await problemsOf(extra)).join()).toMatch(/cache/);
  });

  it.each([false, null, 0, '', 5, []])('does not take %j for a configuration', async (given) => {
    const module = InfraKitModule.forRootAsync({
      components: ['cache'],
      useFactory: () => ({ env: 'test', cache: given as unknown as true }),
    });
    expect((await problemsOf(module)).join()).toMatch(/^cache: /);
  });

  it('refuses what are no options', () => {
    for (const options of [null, 5, 'x', []])
      expect(() => loose(options as unknown as object)).toThrow(/takes an object/);
    // @ts-expect-error no factory
    expect(() => InfraKitModule.forRootAsync({ components: ['cache'] })).toThrow(/useFactory/);
  });

  it('refuses an entry that is no component', () => {
    // @ts-expect-error redis is no component
    expect(() => InfraKitModule.forRootAsync({ components: ['redis'], useFactory: () => ({}) })).toThrow(
      /unknown entry 'redis'/,
    );
  });
});

describe('environment', () => {
  const former = process.env['REDIS_URL'];
  afterEach(() => {
    if (former === undefined) delete process.env['REDIS_URL'];
    else process.env['REDIS_URL'] = former;
  });

  it('lets REDIS_URL choose the driver, and refuses a bad one by name', async () => {
    process.env['REDIS_URL'] = 'not a url';
    expect((await problemsOf(loose({ env: 'development', cache: true }))).join()).toMatch(/REDIS_URL/);
  });
});
