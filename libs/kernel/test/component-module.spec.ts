import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  Global,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type INestApplicationContext,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  APP_IDENTITY,
  Clock,
  closeOnFailure,
  FORCED_TEST_SETTING,
  HealthRegistry,
  Logger,
  PHASES,
  ReloadRegistry,
  ResourceStack,
  SwitchableLogger,
  SystemClock,
  TEST_SETTING,
} from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import {
  gates,
  getVaultToken,
  GuardModule,
  GuardProvider,
  InjectVault,
  journal,
  VaultModule,
  VaultProvider,
} from './vault.js';

type Imports = NonNullable<DynamicModule['imports']>;

beforeEach(() => {
  journal.length = 0;
  gates.clear();
});

function start(imports: Imports, providers: Type[] = []): Promise<INestApplicationContext> {
  @Module({ imports, providers })
  class AppModule {}
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
}

async function failure(imports: Imports, providers: Type[] = []): Promise<Error> {
  try {
    await start(imports, providers);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it started');
}

describe('forRoot', () => {
  it('provides the component under its class, everywhere, and reports its health', async () => {
    @Injectable()
    class Service {
      constructor(readonly vault: VaultProvider) {}
    }
    @Module({ providers: [Service] })
    class Feature {}
    const app = await start([Feature, VaultModule.forRoot({ size: 7 })]);
    expect(app.get(Service, { strict: false }).vault).toBe(app.get(VaultProvider));
    expect(await app.get(HealthRegistry).check()).toEqual({
      status: 'up',
      detail: { vault: { status: 'up', detail: { size: 7 }, critical: true } },
    });
    await app.close();
  });

  it('gives it the stack, registries, logger and clock of the application', async () => {
    const app = await start([VaultModule.forRoot()]);
    const { setting } = app.get(VaultProvider);
    expect(setting.reload).toBe(app.get(ReloadRegistry));
    expect(setting.clock).toBe(app.get(Clock));
    expect(setting.clock).toBeInstanceOf(SystemClock);
    expect(app.get(Logger)).toBeInstanceOf(SwitchableLogger);
    await app.close();
    expect(journal).toEqual(['opened default', 'closed default']);
  });

  it('takes a configuration that is bad when the application is made, not before', async () => {
    const imported = VaultModule.forRoot({ size: 0 });
    expect(await failure([imported])).toMatchObject({ name: 'ConfigError', code: 'INVALID_ARGUMENT' });
  });

  it('with isGlobal false is seen by its importers alone', async () => {
    @Injectable()
    class Service {
      constructor(readonly vault: VaultProvider) {}
    }
    @Module({ providers: [Service] })
    class Feature {}
    const own = VaultModule.forRoot({ isGlobal: false });
    expect((await failure([Feature, own])).message).toContain('VaultProvider');
    const app = await start([own], [Service]);
    expect(app.get(Service).vault.use()).toBe('used default');
    await app.close();
  });
});

describe('named instances', () => {
  it('stand beside the default one, each under its own token, health label and log namespace', async () => {
    @Injectable()
    class Service {
      @InjectVault()
      readonly plain!: VaultProvider;
      constructor(@InjectVault('audit') readonly audit: VaultProvider) {}
    }
    const app = await start(
      [VaultModule.forRoot(), VaultModule.forRoot({ name: 'audit', size: 2 })],
      [Service],
    );
    const { plain, audit } = app.get(Service);
    expect([plain.name, audit.name]).toEqual(['default', 'audit']);
    expect(app.get(getVaultToken('audit'))).toBe(audit);
    expect(Object.keys((await app.get(HealthRegistry).check()).detail)).toEqual(['vault', 'vault.audit']);
    await app.close();
  });

  it("'default' by name is the default one", async () => {
    const app = await start([VaultModule.forRoot({ name: 'default' })]);
    expect(app.get(VaultProvider).name).toBe('default');
    expect(Object.keys((await app.get(HealthRegistry).check()).detail)).toEqual(['vault']);
    await app.close();
  });

  it('with a bad configuration name themselves', async () => {
    const error = await failure([
      VaultModule.forRootAsync({ name: 'audit', useFactory: () => ({ size: 0 }) }),
    ]);
    expect(error.message).toContain('vault(audit): invalid configuration');
    expect(error).toMatchObject({ component: 'vault', instance: 'audit' });
  });

  it('twice under one name are refused, naming component and instance', async () => {
    const error = await failure([
      VaultModule.forRoot({ name: 'audit', size: 1 }),
      VaultModule.forRoot({ name: 'audit', size: 1 }),
    ]);
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', component: 'vault', instance: 'audit' });
    expect(error.message).toContain("vault(audit): 2 modules make the instance 'audit'");
    expect(journal).toEqual([]);
    expect((await failure([VaultModule.forRoot(), VaultModule.forRoot()])).message).toContain(
      'vault: 2 modules',
    );
  });

  it('one module object imported twice is one', async () => {
    const vault = VaultModule.forRoot();
    @Module({ imports: [vault] })
    class Feature {}
    const app = await start([vault, Feature]);
    await app.close();
    expect(journal).toEqual(['opened default', 'closed default']);
  });
});

describe('forRootAsync', () => {
  @Injectable()
  class Settings {
    readonly size = 5;
  }
  const LABEL = Symbol('label');
  @Module({
    providers: [Settings, { provide: LABEL, useValue: 'x' }],
    exports: [Settings, LABEL],
  })
  class SettingsModule {}

  it("hands the factory what it injects, typed, and takes its result as the component's options", async () => {
    const app = await start([
      VaultModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings, { token: 'missing', optional: true }, { token: Settings, optional: true }, LABEL],
        useFactory: async (settings, missing, maybe, label) => {
          const size: number = settings.size;
          const unknowns: unknown[] = [missing, label];
          expect([unknowns, maybe?.size]).toEqual([[undefined, 'x'], 5]);
          // @ts-expect-error -- an optional one may be undefined
          expect(maybe.size).toBe(5);
          // @ts-expect-error -- a token that is no class says nothing of its type
          expect(label.length).toBe(1);
          return { size };
        },
      }),
    ]);
    expect(app.get(VaultProvider).config.size).toBe(5);
    await app.close();
  });

  it('refuses at compile time what does not fit', () => {
    VaultModule.forRootAsync({
      inject: [Settings],
      // @ts-expect-error -- the factory's arguments are those injected
      useFactory: (wrong: Date) => ({ size: wrong.getTime() }),
    });
    // @ts-expect-error -- nothing is injected, nothing comes
    VaultModule.forRootAsync({ useFactory: (settings: Settings) => ({ size: settings.size }) });
    // @ts-expect-error -- a field of the wrong type
    VaultModule.forRootAsync({ useFactory: () => ({ size: 'x' }) });
    // @ts-expect-error -- the name stands beside the factory, never in its result
    VaultModule.forRootAsync({ useFactory: () => ({ size: 1, name: 'audit' }) });
    // @ts-expect-error -- an unknown field
    VaultModule.forRoot({ colour: 'red' });
    expect(journal).toEqual([]);
  });

  it('whose result has a name in it all the same is refused', async () => {
    const useFactory = (): object => ({ name: 'audit' });
    expect((await failure([VaultModule.forRootAsync({ useFactory })])).message).toContain(
      'name: unknown field',
    );
  });
});

describe('two applications in one process', () => {
  it('with the same component names never meet', async () => {
    const module = VaultModule.forRoot({ size: 3 });
    const [one, two] = await Promise.all([start([module]), start([module])]);
    expect(one.get(VaultProvider)).not.toBe(two.get(VaultProvider));
    expect(one.get(ResourceStack)).not.toBe(two.get(ResourceStack));
    expect(Object.keys((await one.get(HealthRegistry).check()).detail)).toEqual(['vault']);
    await one.close();
    expect(() => one.get(VaultProvider).use()).toThrow('closed');
    expect(two.get(VaultProvider).use()).toBe('used default');
    await two.close();
    expect(journal.filter((line) => line === 'closed default')).toHaveLength(2);
  });
});

describe('a module that is missing', () => {
  it.each([
    [
      'the default instance',
      {},
      'guard: its vault is missing; import VaultModule.forRoot(...) or InfraKitModule.forRoot({ vault: ... })',
    ],
    [
      'a named one',
      { vault: 'audit' },
      "guard: its vault is missing; import InfraKitModule.forRoot({ vault: [{ name: 'audit', ... }] })",
    ],
  ])('fails the start with the line to add: %s', async (_which, options, sentence) => {
    for (const imports of [
      [GuardModule.forRoot(options), VaultModule.forRoot({ name: 'other' })],
      [VaultModule.forRoot({ name: 'other' }), GuardModule.forRoot(options)],
    ]) {
      const error = await failure(imports);
      expect(error.message).toContain(sentence);
      expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', component: 'guard' });
    }
    expect(journal.filter((line) => line.startsWith('opened'))).toHaveLength(
      journal.filter((line) => line.startsWith('closed')).length,
    );
  });

  it('is no failure where the need is optional', async () => {
    const app = await start([GuardModule.forRoot({ optional: true })]);
    expect(app.get(GuardProvider).vault).toBeUndefined();
    await app.close();
  });

  it('is none when it is there, whatever the order of imports', async () => {
    for (const imports of [
      [GuardModule.forRoot(), VaultModule.forRoot()],
      [VaultModule.forRoot(), GuardModule.forRoot()],
    ]) {
      const app = await start(imports);
      expect(app.get(GuardProvider).vault).toBe(app.get(VaultProvider));
      await app.close();
    }
  });

  it('that cannot be made fails the start with its own error, not with that of whoever needs it', async () => {
    for (const imports of [
      [GuardModule.forRoot(), VaultModule.forRoot({ size: 666 })],
      [VaultModule.forRoot({ size: 666 }), GuardModule.forRoot()],
    ])
      expect((await failure(imports)).message).toBe('the vault fell in');
  });

  it('made by the application itself, and failing, is said to be so', async () => {
    @Global()
    @Module({
      providers: [
        {
          provide: VaultProvider,
          useFactory: () => {
            throw new Error('own failure');
          },
        },
      ],
      exports: [VaultProvider],
    })
    class OwnVault {}
    expect((await failure([GuardModule.forRoot(), OwnVault])).message).toMatch(
      /own failure|guard: its vault could not be made/,
    );
  });
});

describe('a factory that throws', () => {
  const throws = (): never => {
    throw new Error('no settings');
  };

  it.each([
    [
      'the component cannot be made',
      () => VaultModule.forRoot({ name: 'bad', size: 666 }),
      'the vault fell in',
    ],
    [
      'the factory of forRootAsync throws',
      () => VaultModule.forRootAsync({ name: 'bad', useFactory: throws }),
      'no settings',
    ],
    [
      'the factory of forRootAsync rejects',
      () =>
        VaultModule.forRootAsync({ name: 'bad', useFactory: () => Promise.reject(new Error('no settings')) }),
      'no settings',
    ],
    ['the configuration is bad', () => VaultModule.forRoot({ name: 'bad', size: 0 }), 'vault(bad): invalid'],
  ])('closes what was created before, when %s', async (_case, bad, message) => {
    for (const imports of [
      [VaultModule.forRoot({ name: 'good' }), bad()],
      [bad(), VaultModule.forRoot({ name: 'good' })],
    ]) {
      journal.length = 0;
      expect((await failure(imports)).message).toContain(message);
      await new Promise((resolve) => setImmediate(resolve));
      const opened = journal.filter((line) => line === 'opened good').length;
      expect(journal.filter((line) => line === 'closed good')).toHaveLength(opened);
    }
  });

  it('of the application itself closes what was created before, where the making is guarded', async () => {
    const broken = {
      provide: 'broken',
      inject: [VaultProvider],
      useFactory: () => {
        throw new Error('own failure');
      },
    };
    @Module({ imports: [VaultModule.forRoot()], providers: [broken] })
    class AppModule {}
    const making = (): Promise<INestApplicationContext> =>
      NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    await expect(making()).rejects.toThrow('own failure');
    expect(journal).toEqual(['opened default']); // control: nobody else can close it
    journal.length = 0;
    await expect(closeOnFailure(making)).rejects.toThrow('own failure');
    expect(journal).toEqual(['opened default', 'closed default']);
  });

  it('leaves applications alone that were made before', async () => {
    const app = await closeOnFailure(() => start([VaultModule.forRoot()]));
    await expect(closeOnFailure(() => start([VaultModule.forRoot({ size: 0 })]))).rejects.toThrow('invalid');
    expect(app.get(VaultProvider).use()).toBe('used default');
    await app.close();
  });

  it('closes at once what is created after it', async () => {
    const gate = Promise.withResolvers<void>();
    gates.set('slow', gate.promise);
    const error = failure([
      VaultModule.forRoot({ name: 'slow' }),
      VaultModule.forRoot({ name: 'bad', size: 0 }),
    ]);
    expect((await error).message).toContain('vault(bad)');
    expect(journal).toEqual([]);
    gate.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(journal.toSorted()).toEqual(['closed slow', 'opened slow']);
  });
});

describe('the application says', () => {
  @Global()
  @Module({
    providers: [
      { provide: APP_IDENTITY, useValue: { env: 'staging', service: 'orders', instance: 'orders-1' } },
    ],
    exports: [APP_IDENTITY],
  })
  class Identity {}

  it('who it is', async () => {
    const app = await start([VaultModule.forRoot(), Identity]);
    expect(app.get(VaultProvider).setting).toMatchObject({ env: 'staging', service: 'orders' });
    await app.close();
  });

  it.each([
    ['by an overridden provider', TEST_SETTING],
    ['by the setting that the umbrella forces', FORCED_TEST_SETTING],
  ])('that it is a test, %s: embedded options, the clock of the test', async (_how, token) => {
    const clock = new FakeClock();
    @Global()
    @Module({ providers: [{ provide: token, useValue: { clock } }], exports: [token] })
    class Setting {}
    @Module({
      imports:
        token === TEST_SETTING
          ? [VaultModule.forRoot(), Identity]
          : [VaultModule.forRoot(), Identity, Setting],
    })
    class AppModule {}
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(token)
      .useValue({ clock })
      .compile();
    const vault = module.get(VaultProvider, { strict: false });
    expect([vault.config.size, vault.setting.env]).toEqual([1_000, 'test']);
    expect(vault.setting.clock).toBe(clock);
    expect(module.get(Clock, { strict: false })).toBe(clock);
    await module.close();
    expect(journal).toEqual(['opened default', 'closed default']);
  });
});

describe('the shutdown', () => {
  /** User modules with hooks, global ones as well, that still use the provider. */
  function users(): Type[] {
    const hooks = (label: string): Type => {
      @Injectable()
      class User {
        constructor(
          @Inject(VaultProvider) private readonly vault: VaultProvider,
          stack: ResourceStack,
        ) {
          for (const phase of PHASES)
            stack.push({
              name: `${label} ${phase}`,
              phase,
              close: () => void journal.push(`${label} ${phase}`),
            });
        }
        onModuleDestroy(): void {
          journal.push(`${label} destroy: ${this.vault.use()}`);
        }
        beforeApplicationShutdown(): void {
          journal.push(`${label} before: ${this.vault.use()}`);
        }
        onApplicationShutdown(): void {
          journal.push(`${label} shutdown: ${this.vault.use()}`);
        }
      }
      return User;
    };
    @Global()
    @Module({ providers: [hooks('global')] })
    class GlobalUser {}
    @Module({ providers: [hooks('local')] })
    class LocalUser {}
    return [GlobalUser, LocalUser];
  }

  it.each(['users first', 'components first'])(
    'runs every hook of the application before a resource goes, in phases, %s',
    async (order) => {
      const imports = [...users(), VaultModule.forRoot()];
      const app = await start(order === 'users first' ? imports : imports.toReversed());
      journal.length = 0;
      await app.close();
      const at = (line: RegExp): number[] =>
        journal.flatMap((entry, index) => (line.test(entry) ? [index] : []));
      const stages = [
        /destroy|before/,
        /readiness/,
        /deregister/,
        /intake/,
        /drain/,
        /shutdown/,
        /flush/,
        /leases/,
        /connections|closed default/,
      ];
      const [first, ...rest] = stages.map((stage) => at(stage));
      expect(first).toHaveLength(4);
      expect(rest.map((found) => found.length)).toEqual([2, 2, 2, 2, 2, 2, 2, 3]);
      let last = Math.max(...(first ?? []));
      for (const found of rest) {
        expect(Math.min(...found)).toBeGreaterThan(last);
        last = Math.max(...found);
      }
      expect(journal).toContain('global shutdown: used default');
    },
  );

  it('logs a resource that does not close, and goes on', async () => {
    const app = await start([VaultModule.forRoot()]);
    const stack = app.get(ResourceStack);
    stack.push({ name: 'stuck', phase: 'leases', timeoutMs: 10, close: () => new Promise(() => undefined) });
    stack.push({ name: 'broken', phase: 'leases', close: () => Promise.reject(new Error('no')) });
    const lines: [string, object | undefined][] = [];
    const logger = app.get<SwitchableLogger>(Logger);
    const silent = { error: (message: string, fields?: object) => void lines.push([message, fields]) };
    logger.use(silent as unknown as Logger);
    await app.close();
    expect(lines).toMatchObject([
      [
        'a resource did not close',
        { resource: 'broken', phase: 'leases', outcome: 'failed', err: new Error('no') },
      ],
      ['a resource did not close', { resource: 'stuck', phase: 'leases', outcome: 'timed-out' }],
    ]);
    expect(journal).toContain('closed default');
  });
});
