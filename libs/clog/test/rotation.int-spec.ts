import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { createClog, type ClogOptions, type ClogProvider } from '@infra-kit/clog';
import { child } from './children.js';
import { LogFolder } from './log-files.js';

const KIB = 1024;
const mb = (bytes: number): number => bytes / KIB / KIB;

function open(output: string, rotation: ClogOptions['rotation'], clock?: FakeClock): Promise<ClogProvider> {
  return createClog({ output, level: 'info', format: 'json', rotation }, { env: 'production', clock });
}

const numbers = (folder: LogFolder): unknown[] =>
  folder.allLines().flatMap((line) => ('n' in line ? [line['n']] : []));

describe('rotation', () => {
  it('under load loses and tears no line, and keeps each file to its size', async () => {
    using folder = new LogFolder();
    const clog = await open(folder.file(), { maxSizeMb: mb(200 * KIB), maxBackups: 0 });
    const count = 20_000;
    for (let n = 0; n < count; n++) clog.root.info('line', { n, text: 'ü'.repeat(n % 50) });
    await eventually(() =>
      expect(folder.names().filter((name) => name.endsWith('.gz')).length).toBeGreaterThan(10),
    );
    for (let n = count; n < count + 1000; n++) clog.root.info('line', { n });
    await clog.close();
    expect(numbers(folder)).toEqual(Array.from({ length: count + 1000 }, (_, n) => n));
    for (const name of folder.names().filter((file) => !file.endsWith('.gz')))
      expect(statSync(folder.file(name)).size).toBeLessThanOrEqual(200 * KIB);
  });

  it('packs what it sets aside in the background', async () => {
    using folder = new LogFolder();
    const clog = await open(folder.file(), { maxSizeMb: mb(2 * KIB) });
    for (let n = 0; n < 40; n++) clog.root.info('line', { n });
    await eventually(() =>
      expect(folder.names().every((name) => name === 'app.log' || name.endsWith('.gz'))).toBe(true),
    );
    expect(folder.names().length).toBeGreaterThan(2);
    await clog.close();
    expect(numbers(folder)).toHaveLength(40);
  });

  it('keeps them plain when told so', async () => {
    using folder = new LogFolder();
    const clog = await open(folder.file(), { maxSizeMb: mb(2 * KIB), compress: false });
    for (let n = 0; n < 40; n++) clog.root.info('line', { n });
    await clog.close();
    expect(folder.names().filter((name) => name.endsWith('.gz'))).toEqual([]);
    expect(numbers(folder)).toHaveLength(40);
  });

  it('keeps the newest backups alone, by number', async () => {
    using folder = new LogFolder();
    const clog = await open(folder.file(), { maxSizeMb: mb(KIB), maxBackups: 2, compress: false });
    for (let n = 0; n < 200; n++) clog.root.info('line', { n });
    await clog.close();
    const backups = folder.names().filter((name) => name !== 'app.log');
    expect(backups).toHaveLength(2);
    const kept = numbers(folder);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 200 - kept.length + index));
  });

  it('says nothing of a backup that is removed before it is packed, and packs the next', async () => {
    using folder = new LogFolder();
    const clog = await open(folder.file(), { maxSizeMb: mb(KIB), maxBackups: 1 });
    for (let n = 0; n < 200; n++) clog.root.info('line', { n }); // the first is being packed when it is too many
    await eventually(() => expect(folder.names()).toEqual(['app.log', expect.stringMatching(/\d\.gz$/)]));
    await clog.close();
    expect(folder.allLines().filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('removes backups that are too old, hourly while lines are written', async () => {
    using folder = new LogFolder();
    const clock = new FakeClock();
    const clog = await open(
      folder.file(),
      { maxSizeMb: mb(KIB), maxBackups: 0, maxAgeDays: 2, compress: false },
      clock,
    );
    for (let n = 0; n < 10; n++) clog.root.info('line', { n });
    const backups = folder.names().filter((name) => name !== 'app.log');
    expect(backups.length).toBeGreaterThan(0);
    const written = new Date(clock.now());
    for (const name of backups) utimesSync(folder.file(name), written, written);
    await clock.advance(47 * 3_600_000);
    clog.root.info('still young');
    expect(folder.names()).toEqual(expect.arrayContaining(backups));
    await clock.advance(2 * 3_600_000);
    clog.root.info('too old now');
    for (const name of backups) expect(folder.names()).not.toContain(name);
    await clog.close();
  });

  it('goes on with a file and its numbers after a restart', async () => {
    using folder = new LogFolder();
    const limits = { maxSizeMb: mb(KIB), maxBackups: 0, compress: false };
    for (let start = 0; start < 30; start += 10) {
      const clog = await open(folder.file(), limits);
      for (let n = start; n < start + 10; n++) clog.root.info('line', { n });
      await clog.close();
    }
    expect(numbers(folder)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it('ends a line that a crash of the machine has left open', async () => {
    using folder = new LogFolder();
    writeFileSync(folder.file(), '{"n":"half');
    const clog = await open(folder.file(), {});
    clog.root.info('whole');
    await clog.close();
    expect(JSON.parse(lastLine(folder.file()))).toMatchObject({ msg: 'whole' });
  });

  it('looks at a file that others have emptied before setting it aside', async () => {
    using folder = new LogFolder();
    const clog = await open(folder.file(), { maxSizeMb: mb(2 * KIB), compress: false });
    for (let n = 0; n < 10; n++) clog.root.info('line', { n });
    writeFileSync(folder.file(), '');
    for (let n = 0; n < 5; n++) clog.root.info('line', { n });
    await clog.close();
    expect(folder.names()).toEqual(['app.log']);
  });
});

const lastLine = (path: string): string => readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '';

describe('a kill during packing', () => {
  it('leaves each backup in one form or both, and the next start clears up', async () => {
    using folder = new LogFolder();
    const settings = {
      output: folder.file(),
      rotation: { maxSizeMb: 24, maxBackups: 0 },
      text: seedText(),
      lines: 50_000,
    };
    {
      await using writer = child('writer', { ...settings, end: 'wait' });
      // killed the moment a half-packed file is there
      await eventually(() => expect(folder.names().some((name) => name.endsWith('.gz.tmp'))).toBe(true), {
        withinMs: 20_000,
      });
      writer.kill('SIGKILL');
    }
    const half = folder.names().find((name) => name.endsWith('.gz.tmp'));
    expect(half).toBeDefined();
    expect(folder.names()).toContain(half?.replace('.gz.tmp', ''));
    const before = numbers(folder);
    expect(before).toEqual(Array.from({ length: before.length }, (_, n) => n));
    expect(before.length).toBeGreaterThan(20_000);

    const clog = await open(folder.file(), settings.rotation);
    await eventually(
      () => expect(folder.names().filter((name) => name !== 'app.log')).toEqual(packedOnly(folder)),
      {
        withinMs: 20_000,
      },
    );
    await clog.close();
    expect(numbers(folder)).toEqual(before);
  });

  it('between its last two steps leaves both forms: the packed one stays', async () => {
    using folder = new LogFolder();
    const line = '{"n":1}\n';
    writeFileSync(folder.file('app.log.000001'), line);
    writeFileSync(folder.file('app.log.000001.gz'), gzipSync(line));
    writeFileSync(folder.file('app.log.000002.gz.tmp'), 'half');
    writeFileSync(folder.file('other.log.000001.gz.tmp'), 'not ours');
    const clog = await open(folder.file(), { compress: false });
    expect(folder.names()).toEqual(['app.log', 'app.log.000001.gz', 'other.log.000001.gz.tmp']);
    await clog.close();
  });
});

const packedOnly = (folder: LogFolder): string[] =>
  folder.names().filter((name) => /\.\d{6}\.gz$/.test(name));

/** Text that takes a while to pack. */
function seedText(): string {
  let state = 42;
  let text = '';
  while (text.length < 1000) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    text += state.toString(36);
  }
  return text;
}
