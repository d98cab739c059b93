import { beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { closeOnFailure } from '@infra-kit/kernel';
import { failure, start } from './nest-application.js';
import { gates, GuardModule, GuardProvider, journal, VaultModule, VaultProvider } from './vault.js';

beforeEach(() => {
  journal.length = 0;
  gates.clear();
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
