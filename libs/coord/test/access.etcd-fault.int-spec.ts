import { beforeAll, describe, expect, it } from '@jest/globals';
import { createCoord, type CoordOptions, type WatchSignal } from '@infra-kit/coord';
import { etcdDriver } from '@infra-kit/coord/etcd';
import { eventually } from '@infra-kit/kernel/testing';
import { Range } from 'etcd3';
import { ownEtcd } from './fixtures/etcd-server.js';

const DIAL_MS = 3000;
const ANY_TIME = { signal: new AbortController().signal };
const etcd = ownEtcd();
const start = (options: CoordOptions) =>
  createCoord({ endpoints: [etcd.server.url], dialTimeoutMs: DIAL_MS, ...options }, { env: 'test' });

/** Users: root, who may all, and reader, who may read below /infra/. From then on nobody may without a user. */
async function closeTheDoor(): Promise<void> {
  const { admin } = etcd;
  await admin.role('root').create();
  await admin.user('root').create('right');
  await admin.user('root').addRole('root');
  const reader = await admin.role('reader').create();
  await reader.grant({ permission: 'Read', range: Range.prefix('/infra/') });
  await admin.user('reader').create('right');
  await admin.user('reader').addRole('reader');
  await admin.auth.authEnable();
}

describe('etcd that knows its users', () => {
  beforeAll(closeTheDoor, 30_000);
  const root = { username: 'root', password: 'right' };

  it('lets in who has the password', async () => {
    const coord = await start(root);
    const lock = await coord.locks.acquire('a');
    expect(lock.token).toBeGreaterThan(0n);
    await lock.release();
    await coord.close();
  });

  it.each([
    ['a wrong password', { username: 'root', password: 'wrong' }],
    ['an unknown user', { username: 'nobody', password: 'right' }],
    ['no user at all', {}],
    ['a wrong password and a snapshot', { username: 'root', password: 'wrong', snapshotDir: '/nowhere' }],
  ])('refuses %s: PERMISSION_DENIED within dialTimeoutMs, without the password in it', async (_, options) => {
    const began = performance.now();
    const refusal = await start(options).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'PERMISSION_DENIED', retryable: false });
    expect(String(refusal)).not.toContain('wrong');
    expect(performance.now() - began).toBeLessThan(DIAL_MS);
  });

  it('what the user may not is PERMISSION_DENIED; a watch ends with it', async () => {
    const coord = await start({ username: 'reader', password: 'right' });
    await coord.ping();
    await expect(coord.locks.acquire('a')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await coord.close();

    const driver = etcdDriver({ endpoints: [etcd.server.url], username: 'reader', password: 'right' });
    const signals: WatchSignal[] = [];
    driver.watch({ prefix: '/other/' }, 1n, (signal) => signals.push(signal));
    await eventually(() => expect(signals.at(-1)?.type).toBe('failed'));
    await driver.close();
  });

  it('goes on after a restart, in which etcd forgets its tokens: calls and watches', async () => {
    const driver = etcdDriver({ endpoints: [etcd.server.url], ...root });
    await driver.connect();
    const put = (value: string) =>
      driver.txn({ success: [{ kind: 'put', key: '/infra/a', value }] }, ANY_TIME);
    const { revision } = await put('1');
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/infra/a' }, revision + 1n, (signal) => signals.push(signal));
    await eventually(() => expect(signals.map(({ type }) => type)).toEqual(['attached']));
    await etcd.server.kill();
    await eventually(() => expect(signals.at(-1)?.type).toBe('interrupted'));
    await etcd.server.restart();
    await eventually(() => put('2'), { withinMs: 10_000 });
    await eventually(
      () => expect(signals.at(-1)).toMatchObject({ type: 'changes', events: [{ kv: { value: '2' } }] }),
      { withinMs: 10_000 },
    );
    await driver.close();
  });
});
