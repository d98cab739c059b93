import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createCoord, type CoordOptions, type WatchSignal } from '@infra-kit/coord';
import { etcdDriver } from '@infra-kit/coord/etcd';
import { eventually } from '@infra-kit/kernel/testing';
import { FaultProxy, freePort } from '@infra-kit/testkit';
import { ownEtcd } from './fixtures/etcd-server.js';

const PATIENT = { withinMs: 15_000 };
const ANY_TIME = { signal: new AbortController().signal };
const etcd = ownEtcd();
const start = (options: CoordOptions = {}) =>
  createCoord({ endpoints: [etcd.server.url], ...options }, { env: 'test' });

/** How long a promise took to be rejected, and with what. */
async function refused(promise: Promise<unknown>): Promise<{ code: unknown; ms: number; message: string }> {
  const began = performance.now();
  const error: unknown = await promise.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  const ms = performance.now() - began;
  return { code: Reflect.get(Object(error), 'code'), ms, message: String(error) };
}

describe('etcd that nobody answers for', () => {
  it('is UNAVAILABLE within dialTimeoutMs', async () => {
    const endpoints = [`127.0.0.1:${await freePort()}`];
    const { code, ms } = await refused(start({ endpoints, dialTimeoutMs: 2000 }));
    expect(code).toBe('UNAVAILABLE');
    expect(ms).toBeLessThan(2000);
  });

  it('does not matter where another endpoint answers', async () => {
    const endpoints = [`127.0.0.1:${await freePort()}`, etcd.server.url, `127.0.0.1:${await freePort()}`];
    const coord = await start({ endpoints });
    for (let n = 0; n < 20; n++) await coord.locks.withLock(`a${n}`, {}, async () => undefined);
    await coord.close();
  });
});

describe('etcd that hangs', () => {
  afterEach(() => etcd.server.resume().catch(() => undefined));

  it('lets a call fail with DEADLINE_EXCEEDED in requestTimeoutMs, each time, and is used again when it goes on', async () => {
    const coord = await start({ requestTimeoutMs: 300 });
    await coord.ping();
    await etcd.server.pause();
    for (let n = 0; n < 4; n++) {
      const { code, ms } = await refused(coord.ping());
      expect(code).toBe('DEADLINE_EXCEEDED');
      expect(ms).toBeGreaterThan(250);
      expect(ms).toBeLessThan(1500);
    }
    expect((await coord.health()).status).toBe('down');
    await etcd.server.resume();
    await eventually(() => coord.ping(), PATIENT);
    await coord.close();
  });

  it('is UNAVAILABLE within dialTimeoutMs at the start', async () => {
    await etcd.server.pause();
    const { code, ms } = await refused(start({ dialTimeoutMs: 1000 }));
    expect(code).toBe('UNAVAILABLE');
    expect(ms).toBeLessThan(2000);
  });

  it('hands a watch what it missed', async () => {
    const driver = etcdDriver({ endpoints: [etcd.server.url] });
    const { revision } = await driver.txn({ success: [{ kind: 'put', key: '/hang', value: '1' }] }, ANY_TIME);
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/hang' }, revision + 1n, (signal) => signals.push(signal));
    await eventually(() => expect(signals).toHaveLength(1));
    await etcd.server.pause();
    const late = etcd.admin.put('/hang').value('2').exec();
    await etcd.server.resume();
    await late;
    await eventually(() =>
      expect(signals.at(-1)).toMatchObject({ type: 'changes', revision: revision + 1n }),
    );
    await driver.close();
  });
});

describe('etcd that is killed and started again', () => {
  it('is UNAVAILABLE at once meanwhile, and used again by itself, without a breaker; control: the bare client has one', async () => {
    const coord = await start();
    await coord.ping();
    await etcd.server.kill();
    const told: string[] = [];
    const bare = new Etcd3({ hosts: etcd.server.url });
    const control: string[] = [];
    for (let n = 0; n < 10; n++) {
      const { code, ms, message } = await refused(coord.ping());
      expect(code).toBe('UNAVAILABLE');
      expect(ms).toBeLessThan(1500);
      told.push(message);
      control.push((await refused(bare.get('/a').exec())).message);
    }
    await etcd.server.restart();
    await eventually(async () => {
      await coord.ping().catch((error: unknown) => {
        told.push(String(error));
        throw error;
      });
    }, PATIENT);
    expect(told.join('\n')).not.toContain('breaker');
    expect(control.join('\n')).toContain('breaker');
    bare.close();
    await coord.close();
  });

  it('says so: the state goes down, and up by itself although nobody calls', async () => {
    const driver = etcdDriver({ endpoints: [etcd.server.url] });
    await driver.connect();
    const states: string[] = [];
    driver.onState((state) => states.push(state));
    await etcd.server.kill();
    await expect(driver.ping(ANY_TIME)).rejects.toBeDefined();
    await eventually(() => expect(states).toEqual(['down']), PATIENT);
    await etcd.server.restart();
    await eventually(() => expect(states).toEqual(['down', 'up']), PATIENT);
    await driver.close();
  });

  it('is not taken for back because a watch tries again', async () => {
    const driver = etcdDriver({ endpoints: [etcd.server.url] });
    await driver.connect();
    const states: string[] = [];
    driver.onState((state) => states.push(state));
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/again' }, 1n, (signal) => signals.push(signal));
    await eventually(() => expect(signals).toHaveLength(1));
    await etcd.server.kill();
    for (const began = performance.now(); performance.now() - began < 2000;)
      await expect(driver.ping(ANY_TIME)).rejects.toBeDefined();
    expect(states).toEqual(['down']);
    await etcd.server.restart();
    await eventually(() => expect(states).toEqual(['down', 'up']), PATIENT);
    await driver.close();
  });

  it('interrupts a watch once, which goes on with what it missed, every change once', async () => {
    const driver = etcdDriver({ endpoints: [etcd.server.url] });
    const { revision } = await driver.txn({ success: [{ kind: 'put', key: '/kill', value: '0' }] }, ANY_TIME);
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/kill' }, revision + 1n, (signal) => signals.push(signal));
    await eventually(() => expect(signals).toHaveLength(1));
    await etcd.admin.put('/kill').value('1').exec();
    await eventually(() => expect(signals).toHaveLength(2), PATIENT);
    await etcd.server.kill();
    await etcd.server.restart();
    await eventually(() => etcd.admin.put('/kill').value('2').exec(), PATIENT);
    await eventually(
      () => expect(signals.at(-1)).toMatchObject({ type: 'changes', events: [{ kv: { value: '2' } }] }),
      PATIENT,
    );
    expect(signals.map(({ type }) => type)).toEqual([
      'attached',
      'changes',
      'interrupted',
      'attached',
      'changes',
    ]);
    await driver.close();
  });
});

describe('etcd that is away at the start', () => {
  it('does not stop a coord with a snapshot folder: health is down, and all is well by itself when etcd comes', async () => {
    const snapshotDir = mkdtempSync(join(tmpdir(), 'infra-kit-coord-'));
    await etcd.server.kill();
    const began = performance.now();
    const coord = await start({ snapshotDir, dialTimeoutMs: 3000 });
    expect(performance.now() - began).toBeLessThan(3000);
    expect((await coord.health()).status).toBe('down');
    await etcd.server.restart();
    await eventually(() => coord.ping(), PATIENT);
    expect((await coord.health()).status).toBe('up');
    await coord.close();
    rmSync(snapshotDir, { recursive: true });
  });
});

describe('etcd behind a wire that is cut', () => {
  it('tells a watch that compaction overtook it meanwhile; without compaction the same watch goes on', async () => {
    const proxy = await FaultProxy.start(etcd.server);
    const driver = etcdDriver({ endpoints: [proxy.through(etcd.server.url)] });
    const put = async (value: number): Promise<bigint> => {
      const { header } = await etcd.admin.put('/gone').value(value).exec();
      return BigInt(header.revision);
    };
    for (const compact of [false, true]) {
      const revision = await put(0);
      const signals: WatchSignal[] = [];
      const watch = driver.watch({ key: '/gone' }, revision + 1n, (signal) => signals.push(signal));
      await eventually(() => expect(signals).toHaveLength(1), PATIENT);
      await proxy.refuse();
      proxy.reset();
      await eventually(() => expect(signals.at(-1)?.type).toBe('interrupted'), PATIENT);
      await put(1);
      const last = await put(2);
      if (compact) await etcd.admin.kv.compact({ revision: `${last}` });
      await proxy.restore();
      await eventually(
        () =>
          expect(signals.slice(2).map(({ type }) => type)).toEqual(
            compact ? ['attached', 'compacted'] : ['attached', 'changes', 'changes'],
          ),
        PATIENT,
      );
      watch[Symbol.dispose]();
    }
    await driver.close();
    await proxy.close();
  });

  it('is noticed although no error comes: a silent connection is given up, the watch made anew', async () => {
    const proxy = await FaultProxy.start(etcd.server);
    const driver = etcdDriver({
      endpoints: [proxy.through(etcd.server.url)],
      keepAlive: { timeMs: 500, timeoutMs: 500 },
    });
    const signals: WatchSignal[] = [];
    const { revision } = await driver.range({ key: '/silent' }, ANY_TIME);
    driver.watch({ key: '/silent' }, revision + 1n, (signal) => signals.push(signal));
    await eventually(() => expect(signals).toHaveLength(1), PATIENT);
    proxy.blackhole();
    await eventually(() => expect(signals.at(-1)?.type).toBe('interrupted'), PATIENT);
    await proxy.restore();
    proxy.reset();
    await eventually(() => expect(signals.at(-1)?.type).toBe('attached'), PATIENT);
    await driver.close();
    await proxy.close();
  });
});
