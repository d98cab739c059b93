import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCoord, type CoordProvider, type ServiceInstance } from '@infra-kit/coord';
import { isInfraError } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { freePort, uniqueName } from '@infra-kit/testkit';
import { CapturedLogger, collect } from './coord-bench.js';
import { ownEtcd } from './fixtures/etcd-server.js';

const within = { withinMs: 30_000 };
const etcd = ownEtcd();
const one = (id: string): ServiceInstance => ({ service: 'orders', id, address: `${id}.example:80` });
const shown = (lists: readonly (readonly ServiceInstance[])[]): string[] =>
  lists.map((list) => list.map(({ id }) => id).join(''));

describe('etcd that is killed and started again in mid-flight', () => {
  const prefix = `/${uniqueName('restart')}`;
  let writer: CoordProvider;
  let reader: CoordProvider;
  beforeAll(async () => {
    const open = (): Promise<CoordProvider> =>
      createCoord({ endpoints: [etcd.server.url], prefix }, { env: 'test', logger: new CapturedLogger() });
    [writer, reader] = [await open(), await open()];
  });
  afterAll(async () => {
    await Promise.all([writer.close(), reader.close()]);
  });

  it('costs no watcher an event, no binding its value and no instance its place', async () => {
    const told = collect(reader.config.watch<number>('n'));
    await writer.config.set('n', -1);
    using bound = await reader.config.bind('n', { parse: Number });
    await writer.registry.register(one('a'), { ttlMs: 3000 });
    await reader.registry.register(one('b'), { ttlMs: 3000 });
    const lists = collect(reader.registry.watch('orders'));
    await eventually(() => expect([told.items.length, shown(lists.items)]).toEqual([1, ['ab']]), within);

    const stop = new AbortController();
    const failures = new Set<string>();
    let written = 0;
    const writing = (async () => {
      for (let n = 0; !stop.signal.aborted; n++) {
        await eventually(
          () =>
            writer.config.set('n', n).catch((error: unknown) => {
              failures.add(isInfraError(error) ? error.code : String(error));
              throw error;
            }),
          within,
        );
        written++;
      }
    })();
    for (let round = 0; round < 2; round++) {
      const before = written;
      await eventually(() => expect(written).toBeGreaterThan(before + 20), within);
      await etcd.server.kill();
      const away = performance.now();
      await expect(reader.config.get('n')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      expect(performance.now() - away).toBeLessThan(2500); // well within requestTimeoutMs
      expect(await reader.registry.discover('orders')).toHaveLength(2);
      await etcd.server.restart();
    }
    const before = written;
    await eventually(() => expect(written).toBeGreaterThan(before + 20), within);
    stop.abort();
    await writing;
    expect([...failures].filter((code) => code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED')).toEqual(
      [],
    );

    const last = await reader.config.getWithRevision<number>('n');
    await eventually(() => expect(told.items.at(-1)?.revision).toBe(last?.revision), within);
    const revisions = told.items.map(({ revision }) => revision);
    expect(new Set(revisions).size).toBe(revisions.length);
    expect(revisions).toEqual(revisions.toSorted((a, b) => Number(a - b)));
    // what the store knows of the key's writes: none was left out
    const { kvs } = await etcd.admin.kv.range({ key: Buffer.from(`${prefix}/config-data/n`) });
    expect(told.items).toHaveLength(Number(kvs[0]?.version));
    await eventually(() => expect(bound.revision).toBe(last?.revision), within);
    expect(bound.current).toBe(last?.value);

    await reader.registry.register(one('c'), { ttlMs: 3000 });
    await eventually(() => expect(shown(lists.items)).toEqual(['ab', 'abc']), within);
    await Promise.all([told.end(), lists.end()]);
  }, 120_000);
});

describe('etcd that is away at the start', () => {
  it('with a snapshot starts within dialTimeoutMs, without one is UNAVAILABLE within it', async () => {
    const endpoints = [`127.0.0.1:${await freePort()}`];
    const snapshotDir = await mkdtemp(join(tmpdir(), 'coord-'));
    const deps = { env: 'test', logger: new CapturedLogger() };
    const begun = performance.now();
    await expect(createCoord({ endpoints, dialTimeoutMs: 1000 }, deps)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await using coord = await createCoord({ endpoints, dialTimeoutMs: 1000, snapshotDir }, deps);
    using handle = await coord.config.bind('n', { parse: Number, fallback: 7 });
    expect(handle).toMatchObject({ current: 7, source: 'fallback' });
    expect((await coord.health()).status).toBe('down');
    expect(performance.now() - begun).toBeLessThan(6000);
    await rm(snapshotDir, { recursive: true });
  });

  it('killed, is taken from the snapshot; started again, is followed by itself', async () => {
    const snapshotDir = await mkdtemp(join(tmpdir(), 'coord-'));
    const prefix = `/${uniqueName('snapshot')}`;
    const open = (): Promise<CoordProvider> =>
      createCoord(
        { endpoints: [etcd.server.url], prefix, snapshotDir, dialTimeoutMs: 2000 },
        { env: 'test', logger: new CapturedLogger() },
      );
    const before = await open();
    await before.config.set('n', 1);
    await before.config.bind('n', { parse: Number });
    await before.close();
    await etcd.server.kill();
    try {
      await using coord = await open();
      using handle = await coord.config.bind('n', { parse: Number });
      expect(handle).toMatchObject({ current: 1, source: 'snapshot' });
      await etcd.server.restart();
      await eventually(() => expect(handle.source).toBe('remote'), within);
      await coord.config.set('n', 2);
      await eventually(() => expect(handle.current).toBe(2), within);
      expect((await coord.health()).status).toBe('up');
    } finally {
      await rm(snapshotDir, { recursive: true });
    }
  }, 90_000);
});
