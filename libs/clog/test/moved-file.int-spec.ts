import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { createClog, type ClogOptions, type ClogProvider } from '@infra-kit/clog';
import { child } from './children.js';
import { LogFolder } from './log-files.js';

const KIB = 1024;
const mb = (bytes: number): number => bytes / KIB / KIB;
const PLAIN = { maxSizeMb: mb(KIB), maxBackups: 0, maxAgeDays: 0, compress: false };

function open(output: string, rotation: ClogOptions['rotation'], clock?: FakeClock): Promise<ClogProvider> {
  return createClog({ output, level: 'info', format: 'json', rotation }, { env: 'production', clock });
}

const numbers = (folder: LogFolder): unknown[] =>
  folder.allLines().flatMap((line) => ('n' in line ? [line['n']] : []));
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('a full file that cannot be set aside', () => {
  it('is written on, said once, and set aside as soon as it can be', async () => {
    using folder = new LogFolder();
    const clock = new FakeClock();
    // after this backup the next one’s number is written 01e+21, where a folder stands in the way
    writeFileSync(folder.file('app.log.999999999999999999999'), '');
    mkdirSync(folder.file('app.log.01e+21'));
    const clog = await open(folder.file(), PLAIN, clock);
    for (let n = 0; n < 50; n++) clog.root.info('line', { n });
    expect((await clog.health()).status).toBe('up');
    const lines = folder.lines();
    expect(lines.flatMap((line) => ('n' in line ? [line['n']] : []))).toEqual(range(50));
    expect(lines.filter(({ msg }) => msg === 'a full log file could not be set aside')).toHaveLength(1);
    rmdirSync(folder.file('app.log.01e+21'));
    await clock.advance(60_000);
    clog.root.info('after');
    expect(folder.lines().map(({ msg }) => msg)).toEqual(['after']);
    await clog.close();
  });

  it('because others removed it: a new one is opened', async () => {
    using folder = new LogFolder();
    const clog = await open(folder.file(), PLAIN);
    clog.root.info('before');
    rmSync(folder.file());
    for (let n = 0; n < 50; n++) clog.root.info('line', { n });
    await clog.close();
    expect(folder.allLines().filter(({ level }) => level !== 'info')).toEqual([]);
    expect(folder.lines().at(-1)).toMatchObject({ n: 49 });
  });
});

describe('a file that others move away or remove', () => {
  it.each([
    ['moved', (folder: LogFolder) => renameSync(folder.file(), folder.file('moved.log'))],
    ['removed', (folder: LogFolder) => rmSync(folder.file())],
    ['removed with its folder', (folder: LogFolder) => rmSync(folder.path, { recursive: true })],
  ])('%s: is opened anew within ten seconds', async (_name, disturb) => {
    using folder = new LogFolder();
    const clock = new FakeClock();
    const clog = await open(folder.file(), { compress: false }, clock);
    clog.root.info('before');
    chmodSync(folder.file(), 0o600);
    await clock.advance(10_000);
    clog.root.info('looked at');
    disturb(folder);
    await clock.advance(10_000);
    clog.root.info('after');
    expect(folder.lines().map(({ msg }) => msg)).toEqual(['after']);
    expect(modeOf(folder.file())).toBe(0o600);
    await clog.close();
  });
});

describe('who may read', () => {
  it.each([0o600, 0o640, 0o644])(
    'the file’s backups and its successor: who may read it (%#)',
    async (mode) => {
      using folder = new LogFolder();
      const clog = await open(folder.file(), { ...PLAIN, compress: true });
      chmodSync(folder.file(), mode);
      for (let n = 0; n < 50; n++) clog.root.info('line', { n });
      const packed = (): string[] => folder.names().filter((name) => name !== 'app.log');
      await eventually(() => expect(packed().every((name) => name.endsWith('.gz'))).toBe(true));
      await clog.close();
      expect(packed().length).toBeGreaterThan(2);
      expect(folder.names().map((name) => modeOf(folder.file(name)))).toEqual(folder.names().map(() => mode));
      expect(numbers(folder)).toEqual(range(50));
    },
  );

  it('is the owner and the group for a file that was not there', async () => {
    using folder = new LogFolder();
    await (await open(folder.file(), {})).close();
    expect(modeOf(folder.file())).toBe(0o640);
  });
});

describe('a named pipe', () => {
  it('without a reader: the service starts, lines go to stderr', async () => {
    using folder = new LogFolder();
    execFileSync('mkfifo', [folder.file()]);
    await using writer = child('writer', { output: folder.file(), lines: 3, end: 'wait' });
    await eventually(() => expect(writer.stdout).toBe('written\n'), { withinMs: 10_000 });
    expect(writer.stderr).toContain('ENXIO');
    expect(writer.stderr.split('\n').filter((line) => line.includes('"n":'))).toHaveLength(3);
  });
});

describe('an output that is a link', () => {
  it.each([true, false])(
    'to a file (there already: %p): lock and backups stand beside the file',
    async (there) => {
      using folder = new LogFolder();
      mkdirSync(folder.file('real'));
      if (there) writeFileSync(folder.file('real/data.log'), '');
      symlinkSync('real/data.log', folder.file());
      const clog = await open(folder.file(), PLAIN);
      await using other = await open(folder.file('real/data.log'), PLAIN);
      other.root.info('from the other');
      for (let n = 0; n < 50; n++) clog.root.info('line', { n });
      await clog.close();
      expect(folder.names()).toEqual(['app.log', 'real']);
      const lines = folder.lines();
      expect(lines.at(-1)).toMatchObject({ n: 49 });
      expect(statSync(folder.file('real/data.log.000001')).isFile()).toBe(true);
      expect(folder.lines('real/data.2.log').map(({ msg }) => msg)).toContain('from the other');
      expect(lines.map(({ msg }) => msg)).not.toContain(
        'another process writes the log file, this one has its own',
      );
    },
  );
});
