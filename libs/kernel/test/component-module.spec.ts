import { beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  APP_IDENTITY,
  Clock,
  FORCED_TEST_SETTING,
  HealthRegistry,
  Logger,
  ReloadRegistry,
  ResourceStack,
  SwitchableLogger,
  SystemClock,
  TEST_SETTING,
} from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { failure, start } from './nest-application.js';
import { gates, getVaultToken, InjectVault, journal, VaultModule, VaultProvider } from './vault.js';

beforeEach(() => {
  journal.length = 0;
  gates.clear();
});

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
