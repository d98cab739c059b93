import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  buildComponent,
  instanceToken,
  missingModule,
  NestLogger,
  ResourceStack,
  SystemClock,
} from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { RecordingLogger } from './recording-logger.js';
import { createVault, journal, VaultProvider } from './vault.js';

beforeEach(() => {
  journal.length = 0;
});

describe('a component made by hand', () => {
  it('needs nothing, and owns a stack of its own', async () => {
    const vault = await createVault();
    const { setting } = vault;
    expect(vault.name).toBe('default');
    expect(setting).toMatchObject({
      component: 'vault',
      instance: 'default',
      service: 'service',
      reload: undefined,
    });
    expect(setting.logger).toBeInstanceOf(NestLogger);
    expect(setting.clock).toBeInstanceOf(SystemClock);
    await vault[Symbol.asyncDispose]();
    expect(journal).toEqual(['opened default', 'closed default']);
  });

  it('lives by what it is given', async () => {
    const clock = new FakeClock();
    const logger = new RecordingLogger();
    const vault = await createVault(
      { size: 3 },
      { clock, logger, name: 'audit', env: 'staging', service: 'orders' },
    );
    vault.setting.logger.info('hello');
    expect(logger.lines).toMatchObject([{ namespace: 'vault.audit', message: 'hello' }]);
    expect(vault.setting).toMatchObject({
      name: 'audit',
      instance: 'audit',
      env: 'staging',
      service: 'orders',
    });
    expect(vault.setting.clock).toBe(clock);
    expect(vault.config.size).toBe(3);
    await vault.close();
  });

  it('that fails leaves nothing open, in a stack of its own or of the application', async () => {
    await expect(createVault({ size: 666 })).rejects.toThrow('the vault fell in');
    expect(journal).toEqual(['opened default', 'closed default']);
    const stack = new ResourceStack();
    await expect(createVault({ size: 666 }, { stack })).rejects.toThrow('the vault fell in');
    expect((await stack.close()).resources).toEqual([]);
  });

  it('closed with its application is closed once', async () => {
    const stack = new ResourceStack();
    const vault = await createVault({}, { stack });
    await stack.close();
    expect(journal).toEqual(['opened default', 'closed default']);
    await vault.close();
    expect(journal).toHaveLength(2);
    await expect(vault.health()).resolves.toMatchObject({ status: 'down' });
  });

  it('with a bad configuration names the instance', async () => {
    await expect(createVault({ size: 0 }, { name: 'audit' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      instance: 'audit',
      message: expect.stringContaining('vault(audit): invalid configuration'),
    });
    expect(journal).toEqual([]);
  });

  it.each(['', 'a/b', 'a b', '../x', 'a:b'])('refuses the name %j', async (name) => {
    await expect(createVault({}, { name })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`got ${JSON.stringify(name)}`),
    });
  });

  it('lets an error thrown at once reject', async () => {
    const failing = buildComponent('x', {}, () => {
      throw new Error('at once');
    });
    await expect(failing).rejects.toThrow('at once');
  });
});

describe('instanceToken', () => {
  it('is the class for the default instance, a symbol of the name else', () => {
    expect(instanceToken('vault', VaultProvider)).toBe(VaultProvider);
    expect(instanceToken('vault', VaultProvider, 'default')).toBe(VaultProvider);
    expect(instanceToken('vault', VaultProvider, 'audit')).toBe(Symbol.for('infra-kit:vault:audit'));
  });
});

describe('missingModule', () => {
  it('says which import to add, for the default and a named instance', () => {
    class RateLimitProvider {}
    expect(missingModule(RateLimitProvider)).toBe(
      'import RateLimitModule.forRoot(...) or InfraKitModule.forRoot({ ratelimit: ... })',
    );
    expect(missingModule(Symbol.for('infra-kit:cache:sessions'))).toBe(
      "import InfraKitModule.forRoot({ cache: [{ name: 'sessions', ... }] }) or the component's own module with that name",
    );
  });
});
