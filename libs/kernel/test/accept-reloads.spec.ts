import { expect, it } from '@jest/globals';
import { acceptReloads, buildComponent, ReloadRegistry, ResourceStack } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { RecordingLogger } from './recording-logger.js';

it('a component takes documents over what the code passed, until it is closed', async () => {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const reload = new ReloadRegistry({ logger, clock });
  const stack = new ResourceStack();
  const applied: unknown[] = [];
  await buildComponent('limits', { name: 'own', reload, stack, logger, clock }, (setting) =>
    acceptReloads(setting, {
      options: { rate: 1, burst: 2 },
      parse: (document) => document,
      apply: (next) => {
        applied.push(next);
        return ['driver'];
      },
    }),
  );
  const offer = (revision: bigint, value: unknown) => reload.offer('limits', 'own', { revision, value });
  expect(await offer(1n, { rate: 5 })).toMatchObject({ status: 'applied', restartRequired: ['driver'] });
  await offer(2n, ['no object']);
  expect(applied).toEqual([
    { rate: 5, burst: 2 },
    { rate: 1, burst: 2, document: ['no object'] },
  ]);
  expect(reload.status()).toHaveLength(1);
  await stack.close();
  expect(reload.status()).toEqual([]);
});

it('without a registry a component takes none', async () => {
  const stack = new ResourceStack();
  await buildComponent('limits', { stack }, (setting) =>
    acceptReloads(setting, { options: {}, parse: (document) => document, apply: () => undefined }),
  );
  expect((await stack.close()).resources.filter(({ name }) => name.includes('reload'))).toEqual([]);
});
