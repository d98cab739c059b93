import { beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Inject, Injectable, Module, type Type } from '@nestjs/common';
import { Logger, PHASES, ResourceStack, type SwitchableLogger } from '@infra-kit/kernel';
import { start } from './nest-application.js';
import { journal, VaultModule, VaultProvider } from './vault.js';

beforeEach(() => {
  journal.length = 0;
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
