import { describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@infra-kit/kernel/testing';
import { CoordBench, type CoordTarget } from './coord-bench.js';
import { parse } from './limits.js';

const within = { withinMs: 15_000 };

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coord-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The last good document on disk, with any store. */
export function describeBindingSnapshots(target: CoordTarget): void {
  describe(`a bound document on ${target.name} and its snapshot`, () => {
    it('is on disk before its listener is told; a refused one never is', () =>
      inFolder(async (snapshotDir) => {
        await using bench = new CoordBench(target);
        const { coord } = await bench.client({ snapshotDir });
        const onDisk = async (): Promise<string> => {
          const [file = ''] = await readdir(snapshotDir);
          return readFile(join(snapshotDir, file), 'utf8');
        };
        await coord.config.set('limits', { max: 1 });
        const told: Promise<string>[] = [];
        using handle = await coord.config.bind('limits', { parse, onChange: () => told.push(onDisk()) });
        expect(await onDisk()).toContain('{"max":1}');
        await coord.config.set('limits', { max: 2 });
        await eventually(() => expect(told).toHaveLength(1), within);
        expect(await told[0]).toContain('{"max":2}');
        await coord.config.set('limits', { max: 'bad' });
        await eventually(() => expect(handle.rejected).toBeDefined(), within);
        expect(await onDisk()).toContain('{"max":2}');
      }));

    it('starts from the snapshot while the store is away, and turns to the store by itself', () =>
      inFolder(async (snapshotDir) => {
        await using bench = new CoordBench(target);
        const before = await bench.client({ snapshotDir });
        const revision = await before.coord.config.set('limits', { max: 1 });
        await before.coord.config.bind('limits', { parse });
        await before.coord.close();

        const away = await bench.client({ snapshotDir, away: true });
        expect((await away.coord.health()).status).toBe('down');
        const told: unknown[] = [];
        using handle = await away.coord.config.bind('limits', {
          parse,
          fallback: { max: 7 },
          onChange: (value) => told.push(value),
        });
        expect(handle).toMatchObject({ current: { max: 1 }, revision, source: 'snapshot' });
        using other = await away.coord.config.bind('unknown', { parse, fallback: { max: 7 } });
        expect(other.source).toBe('fallback');
        await expect(away.coord.config.bind('unknown', { parse })).rejects.toMatchObject({
          code: 'UNAVAILABLE',
        });

        const pusher = await bench.client();
        away.faults.mend();
        await eventually(() => expect(handle.source).toBe('remote'), within);
        expect(told).toEqual([]);
        await pusher.coord.config.set('limits', { max: 2 });
        await eventually(() => expect(told).toEqual([{ max: 2 }]), within);
        expect((await away.coord.health()).status).toBe('up');
      }));

    it('starts from the snapshot where the stored one is refused', () =>
      inFolder(async (snapshotDir) => {
        await using bench = new CoordBench(target);
        const { coord } = await bench.client({ snapshotDir });
        await coord.config.set('limits', { max: 1 });
        (await coord.config.bind('limits', { parse })).close();
        const bad = await coord.config.set('limits', {});
        using handle = await coord.config.bind('limits', { parse, fallback: { max: 7 } });
        expect(handle).toMatchObject({
          current: { max: 1 },
          source: 'snapshot',
          rejected: { revision: bad },
        });
      }));
  });
}
