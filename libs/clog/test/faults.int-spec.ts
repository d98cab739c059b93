import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { Child, child, fixture } from './children.js';
import { LogFolder, type Line } from './log-files.js';

const REPORT = 'the log output cannot be written, lines go to stderr meanwhile';
const RESTORED = 'the log output is written again';

const parse = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);
const numbers = (lines: readonly Line[]): unknown[] =>
  lines.flatMap((line) => ('n' in line ? [line['n']] : []));
const withMessage = (lines: readonly Line[], msg: string): Line[] =>
  lines.filter((line) => line['msg'] === msg);

/** A child that writes on command, on a clock that it moves on command. */
class Commanded {
  readonly child: Child;
  #answers = 0;

  constructor(settings: object) {
    this.child = child('commanded', settings);
  }

  /** Resolves with the answer. */
  async tell(command: object): Promise<unknown> {
    this.child.process.stdin?.write(`${JSON.stringify(command)}\n`);
    const wanted = ++this.#answers;
    return eventually(
      () => {
        const answers = this.child.stdout.split('\n').slice(0, -1);
        expect(answers.length).toBeGreaterThanOrEqual(wanted);
        return JSON.parse(answers[wanted - 1] ?? 'null') as unknown;
      },
      { withinMs: 15_000 },
    );
  }
}

describe('an output that cannot be written', () => {
  it('on a full disk: the service runs on, lines go to stderr, one report; then to the file again', async () => {
    using folder = new LogFolder();
    symlinkSync('/dev/full', folder.file());
    const commanded = new Commanded({ output: folder.file() });
    await using writer = commanded.child;
    await commanded.tell({ write: [0, 100] });
    await commanded.tell({ advance: 5000 });
    await commanded.tell({ write: [100, 200] });
    expect(await commanded.tell({ health: true })).toMatchObject({
      status: 'degraded',
      detail: { reason: expect.stringContaining('ENOSPC') },
    });
    rmSync(folder.file()); // space again
    await commanded.tell({ advance: 500 });
    await commanded.tell({ write: [200, 210] });
    await commanded.tell({ advance: 500 });
    await commanded.tell({ write: [210, 300] });
    expect(await commanded.tell({ health: true })).toMatchObject({ status: 'up' });
    writer.kill('SIGTERM');
    const { stderr } = await writer.ended;
    expect(numbers(parse(stderr))).toEqual(range(0, 210));
    expect(withMessage(parse(stderr), REPORT)).toHaveLength(1);
    expect(withMessage(parse(stderr), RESTORED)).toMatchObject([{ diverted: 210 }]);
    expect(numbers(folder.lines())).toEqual(range(210, 300));
  });

  it('a full disk makes a bare synchronous destination fail (control)', async () => {
    using folder = new LogFolder();
    symlinkSync('/dev/full', folder.file());
    await using writer = child('bare', { output: folder.file() });
    const { code, stdout } = await writer.ended;
    expect([code, stdout]).not.toEqual([0, 'done\n']);
  });

  it('half-way through a line: the line is in one place, whole', async () => {
    using folder = new LogFolder();
    const settings = JSON.stringify({
      output: folder.file(),
      lines: 200,
      text: 'x'.repeat(300),
      end: 'exit',
    });
    // a limit on the size of files does what a disk does when it fills up: the last write is short
    const script = `ulimit -f 32; exec "$0" "$1" "$2"`;
    await using writer = new Child('sh', ['-c', script, process.execPath, fixture('limited'), settings]);
    const { code, stderr } = await writer.ended;
    expect(code).toBe(0);
    const inFile = numbers(folder.lines());
    expect(inFile.length).toBeGreaterThan(0);
    expect([...inFile, ...numbers(parse(stderr))]).toEqual(range(0, 200));
    expect(numbers(parse(stderr)).length).toBeGreaterThan(0);
  });

  it('whose folder cannot be made: opened as soon as it can', async () => {
    using folder = new LogFolder();
    writeFileSync(folder.file('blocked'), 'a file where a folder should be');
    const commanded = new Commanded({ output: folder.file('blocked/app.log') });
    await using writer = commanded.child;
    await commanded.tell({ write: [0, 10] });
    expect(await commanded.tell({ health: true })).toMatchObject({ status: 'degraded' });
    rmSync(folder.file('blocked'));
    mkdirSync(folder.file('blocked'));
    await commanded.tell({ advance: 1000 });
    await commanded.tell({ write: [10, 20] });
    writer.kill('SIGTERM');
    const { stderr } = await writer.ended;
    expect(numbers(parse(stderr))).toEqual(range(0, 10));
    expect(withMessage(parse(stderr), REPORT)).toHaveLength(1);
    expect(numbers(folder.lines('blocked/app.log'))).toEqual(range(10, 20));
  });

  it('that is stdout without a reader: lines go to stderr and nothing dies', async () => {
    await using writer = child('commanded', { output: 'stdout', quiet: true });
    writer.process.stdout?.destroy();
    writer.process.stdin?.write(`${JSON.stringify({ write: [0, 50] })}\n`);
    await eventually(() => expect(numbers(parse(writer.stderr))).toEqual(range(0, 50)), { withinMs: 10_000 });
    writer.kill('SIGTERM');
    await writer.ended;
    expect(withMessage(parse(writer.stderr), REPORT)).toHaveLength(1);
  });

  it('after close: lines go to stderr', async () => {
    using folder = new LogFolder();
    const commanded = new Commanded({ output: folder.file() });
    await using writer = commanded.child;
    await commanded.tell({ write: [0, 5] });
    await commanded.tell({ close: true });
    await commanded.tell({ write: [5, 8] });
    writer.kill('SIGTERM');
    const { stderr } = await writer.ended;
    expect(numbers(folder.lines())).toEqual(range(0, 5));
    expect(numbers(parse(stderr))).toEqual(range(5, 8));
  });
});

describe('a reader that is slow', () => {
  it('gets every line although the pipe answers EAGAIN', async () => {
    await using writer = child('eagain', { lines: 3000, text: 'y'.repeat(400) });
    const { stdout } = writer.process;
    stdout?.pause();
    await eventually(() => expect(writer.stderr).toContain('EAGAIN without clog'), { withinMs: 10_000 });
    stdout?.resume();
    const ended = await writer.ended;
    expect(ended.code).toBe(0);
    expect(numbers(parse(ended.stdout))).toEqual(range(0, 3000));
    expect(ended.stderr).toBe('EAGAIN without clog\n');
  });
});
