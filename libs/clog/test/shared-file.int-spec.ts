import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { createClog } from '@infra-kit/clog';
import { child } from './children.js';
import { LogFolder } from './log-files.js';

const inside = (folder: LogFolder, name: string): unknown[] =>
  folder.lines(name).flatMap((line) => ('n' in line ? [line['n']] : []));
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

describe('two processes on one file', () => {
  it('each write their own, rotation included', async () => {
    using folder = new LogFolder();
    const rotation = { maxSizeMb: 0.05, maxBackups: 0, compress: false };
    const settings = { output: folder.file(), lines: 2000, rotation, end: 'wait' };
    await using first = child('writer', settings);
    await using second = child('writer', { ...settings, start: 10_000 });
    await eventually(() => expect([first.stdout, second.stdout]).toEqual(['written\n', 'written\n']), {
      withinMs: 15_000,
    });
    const written = (prefix: string): unknown[] =>
      folder
        .names()
        .filter((name) => name === prefix || name.startsWith(`${prefix}.0`))
        .toSorted((a, b) => (a === prefix ? 1 : b === prefix ? -1 : a.localeCompare(b)))
        .flatMap((name) => inside(folder, name));
    const outputs = [written('app.log'), written('app.2.log')].toSorted(
      (a, b) => Number(a[0]) - Number(b[0]),
    );
    expect(outputs).toEqual([range(0, 2000), range(10_000, 12_000)]);
    expect(
      folder
        .allLines()
        .filter(({ msg }) => msg === 'another process writes the log file, this one has its own'),
    ).toHaveLength(1);
  });

  it('in one process too', async () => {
    using folder = new LogFolder();
    await using one = await createClog({ output: folder.file() }, { env: 'test' });
    await using two = await createClog({ output: folder.file() }, { env: 'test' });
    one.root.info('from one');
    two.root.info('from two');
    expect(folder.lines().map(({ msg }) => msg)).toEqual(['from one']);
    expect(folder.lines('app.2.log').map(({ msg }) => msg)).toContain('from two');
  });

  it('take the file over from one that was killed', async () => {
    using folder = new LogFolder();
    {
      await using writer = child('writer', { output: folder.file(), lines: 10, end: 'sigkill' });
      await writer.ended;
    }
    expect(readFileSync(`${folder.file()}.lock`, 'utf8')).toContain(hostname());
    await using clog = await createClog({ output: folder.file() }, { env: 'test' });
    clog.root.info('after the crash');
    expect(folder.names()).toEqual(['app.log']);
    expect(folder.lines().at(-1)).toMatchObject({ msg: 'after the crash' });
  });

  it.each([
    ['of a pid that lives again as another process', `${process.pid} 1 ${hostname()}`],
    ['that holds nothing', ''],
    ['that holds rubbish', 'rubbish'],
  ])('take over a lock %s', async (_name, content) => {
    using folder = new LogFolder();
    writeFileSync(`${folder.file()}.lock`, content);
    await using clog = await createClog({ output: folder.file() }, { env: 'test' });
    clog.root.info('x');
    expect(folder.names()).toEqual(['app.log']);
  });

  it('respect the lock of another host', async () => {
    using folder = new LogFolder();
    writeFileSync(`${folder.file()}.lock`, '1 1 another-host');
    await using clog = await createClog({ output: folder.file() }, { env: 'test' });
    clog.root.info('x');
    expect(folder.names()).toEqual(['app.2.log']);
  });

  it('leave no lock behind when they close', async () => {
    using folder = new LogFolder();
    await (await createClog({ output: folder.file() }, { env: 'test' })).close();
    expect(() => readFileSync(`${folder.file()}.lock`)).toThrow(/ENOENT/);
  });
});

describe('SIGHUP', () => {
  it('opens the file anew after others have moved it away', async () => {
    using folder = new LogFolder();
    await using writer = child('hup', { output: folder.file() });
    await eventually(() => expect(folder.lines().length).toBeGreaterThan(0), { withinMs: 10_000 });
    renameSync(folder.file(), folder.file('moved.log'));
    writer.kill('SIGHUP');
    await eventually(() => expect(folder.lines().length).toBeGreaterThan(0));
    writer.kill('SIGTERM');
    expect(await writer.ended).toMatchObject({ signal: 'SIGTERM' });
    expect([...inside(folder, 'moved.log'), ...inside(folder, 'app.log')]).toEqual(
      range(0, inside(folder, 'moved.log').length + inside(folder, 'app.log').length),
    );
  });
});
