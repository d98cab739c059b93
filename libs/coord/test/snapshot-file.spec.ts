import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SnapshotFolder, snapshotFileName } from '../src/configuration/snapshot-file.js';

describe('the snapshot of a document', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'snapshots-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('gives back what was written last, and makes its folder', async () => {
    const snapshots = new SnapshotFolder(join(folder, 'not', 'there', 'yet'));
    expect(await snapshots.read('/a/b')).toBeUndefined();
    await snapshots.write('/a/b', { revision: 7n, value: { on: true } });
    await snapshots.write('/a/b', { revision: 9n, value: null });
    expect(await snapshots.read('/a/b')).toEqual({ revision: 9n, value: null });
  });

  it('is told of where its file is none, once a look, and is none then', async () => {
    const told: string[] = [];
    const snapshots = new SnapshotFolder(folder, (path) => void told.push(path));
    await writeFile(join(folder, snapshotFileName('/a')), '{"key":"/a","revis');
    expect(await snapshots.read('/a')).toBeUndefined();
    expect(await snapshots.read('/b')).toBeUndefined();
    expect(told).toEqual([join(folder, snapshotFileName('/a'))]);
  });

  it('is one whole document or none, however many write at once and whatever a killed writer left', async () => {
    const snapshots = new SnapshotFolder(folder);
    await writeFile(join(folder, `${snapshotFileName('/a')}.1.x.partial`), '{"key":"/a","revis');
    const long = 'x'.repeat(200_000);
    const reading = { stop: false };
    const reader = (async (): Promise<number> => {
      let whole = 0;
      for (; !reading.stop || whole === 0;) {
        const found = await snapshots.read('/a');
        if (found === undefined) continue;
        expect(found.value).toBe(long + found.revision.toString());
        whole++;
      }
      return whole;
    })();
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => snapshots.write('/a', { revision: BigInt(n), value: long + n })),
    );
    reading.stop = true;
    expect(await reader).toBeGreaterThan(0);
    expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toHaveLength(1);
  });

  it('is not taken from a file that is broken, or of another key', async () => {
    const snapshots = new SnapshotFolder(folder);
    for (const text of [
      '',
      '{',
      'null',
      '{"key":"/b","revision":"1","value":1}',
      '{"key":"/a","revision":"x","value":1}',
    ]) {
      await writeFile(join(folder, snapshotFileName('/a')), text);
      expect(await snapshots.read('/a')).toBeUndefined();
    }
  });

  it('leaves nothing behind when it cannot be written', async () => {
    const snapshots = new SnapshotFolder(folder);
    const endless: { self?: unknown } = {};
    endless.self = endless;
    await expect(snapshots.write('/a', { revision: 1n, value: endless })).rejects.toThrow(/circular/i);
    expect(await readdir(folder)).toEqual([]);
  });

  it('has a file name of its own for each key, however long, odd or hostile', async () => {
    const long = '/k'.repeat(500);
    const keys = ['/a', '/a.json', '/A/b', '/../../etc/passwd', '/ü*?', long, `${long}2`, '/a%2Fb', '/a/b'];
    const names = keys.map((key) => snapshotFileName(key));
    expect(new Set(names).size).toBe(keys.length);
    for (const name of names) expect(name).toMatch(/^[^/\\]{1,200}\.json$/);
  });
});
