import { describe, expect, it } from '@jest/globals';
import { createCoord, type CoordProvider } from '@infra-kit/coord';
import { eventually } from '@infra-kit/kernel/testing';
import { uniqueName } from '@infra-kit/testkit';
import { Child } from './fixtures/children.js';
import { collect } from './coord-bench.js';
import { ownEtcd } from './fixtures/etcd-server.js';

const PATIENT = { withinMs: 60_000 };
const LONG_MS = 180_000;
/** Longer than any restart of the server takes. */
const TTL_MS = 60_000;
const etcd = ownEtcd();

interface Pair {
  readonly one: CoordProvider;
  readonly other: CoordProvider;
  /** Resolves when so many claims stand in the store. */
  readonly queued: (count: number) => Promise<void>;
}

async function two(): Promise<Pair> {
  const prefix = `/${uniqueName('restart')}`;
  const open = () => createCoord({ endpoints: [etcd.server.url], prefix }, { env: 'test' });
  const queued = (count: number): Promise<void> =>
    eventually(async () => expect(await etcd.admin.getAll().prefix(prefix).count()).toBe(count), PATIENT);
  return { one: await open(), other: await open(), queued };
}

async function killAndRestart(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
  await etcd.server.kill();
  await meanwhile();
  await etcd.server.restart();
}

describe('etcd killed and started again in mid-flight', () => {
  it(
    'takes no lock away, and who waits gets it when it is released',
    async () => {
      const { one, other, queued } = await two();
      const lock = await one.locks.acquire('a', { ttlMs: TTL_MS });
      const waiting = other.locks.acquire('a', { ttlMs: TTL_MS, waitMs: LONG_MS });
      await queued(2);
      await killAndRestart(async () => {
        await expect(one.locks.acquire('b')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      });
      expect(lock.signal.aborted).toBe(false);
      await eventually(() => lock.release(), PATIENT);
      const next = await waiting;
      expect(next.token).toBeGreaterThan(lock.token);
      await next.release();
      await Promise.all([one.close(), other.close()]);
    },
    LONG_MS,
  );

  it(
    'takes no leadership away, and who observes sees the next one',
    async () => {
      const { one, other, queued } = await two();
      const first = await one.elections.campaign('a', { value: 'one', ttlMs: TTL_MS });
      const second = other.elections.campaign('a', { value: 'other', ttlMs: TTL_MS });
      const seen = collect(one.elections.observe('a'));
      await eventually(() => expect(seen.items).toEqual(['one']), PATIENT);
      await queued(2);
      await killAndRestart();
      expect(first.signal.aborted).toBe(false);
      await eventually(() => first.resign(), PATIENT);
      await (await second).resign();
      await eventually(() => expect(seen.items).toEqual(['one', 'other', undefined]), PATIENT);
      await seen.end();
      await Promise.all([one.close(), other.close()]);
    },
    LONG_MS,
  );

  it(
    'takes no instance id away: its mark can be saved, and nobody else gets it',
    async () => {
      const { one, other } = await two();
      const lease = await one.instanceIds.acquire('a', 1, { ttlMs: TTL_MS });
      await killAndRestart(async () => {
        await expect(lease.saveHighWater(5000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      });
      expect(lease.signal.aborted).toBe(false);
      await eventually(() => lease.saveHighWater(6000), PATIENT);
      await expect(other.instanceIds.acquire('a', 1)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
      await lease.release();
      expect((await other.instanceIds.acquire('a', 1)).highWaterMs).toBe(6000);
      await Promise.all([one.close(), other.close()]);
    },
    LONG_MS,
  );

  it(
    'that stays away for longer than a ttl: the holder knows in time, and can have the lock again afterwards',
    async () => {
      const { one, other } = await two();
      const lock = await one.locks.acquire('a', { ttlMs: 2000 });
      const lost = new Promise<void>((resolve) => lock.signal.addEventListener('abort', () => resolve()));
      await killAndRestart(() => lost);
      expect(lock.remainingMs()).toBeLessThanOrEqual(0);
      await lock.release();
      const again = await eventually(() => one.locks.acquire('a', { waitMs: 30_000 }), PATIENT);
      expect(again.token).toBeGreaterThan(lock.token);
      await Promise.all([one.close(), other.close()]);
    },
    LONG_MS,
  );

  it(
    'a process that uses everything outlives kills, pauses and restarts without an uncaught error, and works after them',
    async () => {
      const child = new Child('uses-everything.mjs', [etcd.server.url, `/${uniqueName('storm')}`]);
      await child.message('ready');
      await killAndRestart();
      await etcd.server.pause();
      await child.message('hung');
      await etcd.server.resume();
      const downs = child.heard.filter(({ kind }) => kind === 'hung').length;
      await killAndRestart(async () => void (await child.message('hung', downs + 1)));
      child.send('finish');
      expect(await child.message('worked')).toMatchObject({ lock: true, id: 1, leader: 'child', value: 2 });
      expect(await child.exit()).toBe(0);
    },
    LONG_MS,
  );
});
