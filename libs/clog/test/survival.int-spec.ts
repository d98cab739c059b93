import { describe, expect, it } from '@jest/globals';
import { child, type Ended } from './children.js';
import { LogFolder } from './log-files.js';

const LINES = 5000;
const all = Array.from({ length: LINES }, (_, n) => n);

async function run(
  fixture: string,
  settings: object,
): Promise<{ ended: Ended; numbers: unknown[]; folder: LogFolder }> {
  const folder = new LogFolder();
  await using process = child(fixture, { output: folder.file(), lines: LINES, ...settings });
  const ended = await process.ended;
  return { ended, folder, numbers: folder.lines().flatMap((line) => ('n' in line ? [line['n']] : [])) };
}

describe('every line written before the end is in the file', () => {
  it.each([
    ['a bare SIGTERM', 'sigterm', { signal: 'SIGTERM' }],
    ['SIGKILL', 'sigkill', { signal: 'SIGKILL' }],
    ['process.exit', 'exit', { code: 0 }],
    ['process.exit in a SIGTERM handler', 'handler', { code: 0 }],
    ['an uncaught exception', 'throw', { code: 1 }],
    ['an unhandled rejection', 'reject', { code: 1 }],
    ['close', 'close', { code: 0 }],
    ['the process’s own end', 'none', { code: 0 }],
  ])('after %s', async (_name, end, expected) => {
    const { ended, numbers, folder } = await run('writer', { end });
    using _folder = folder;
    expect(ended).toMatchObject(expected);
    expect(numbers).toEqual(all);
    if (end === 'handler') expect(folder.lines().at(-1)).toMatchObject({ msg: 'in the handler' });
  });

  it('with the sums of what burst left out, when the process ends by itself', async () => {
    const { numbers, folder } = await run('writer', { end: 'exit', burst: { perSecond: 1, first: 3 } });
    using _folder = folder;
    expect(numbers).toEqual([0, 1, 2]);
    expect(folder.lines().at(-1)).toMatchObject({ message: 'line', suppressed: LINES - 3 });
  });

  it('as an asynchronous pino loses them (control)', async () => {
    const { ended, numbers, folder } = await run('unflushed', {});
    using _folder = folder;
    expect(ended.signal).toBe('SIGTERM');
    expect(numbers.length).toBeLessThan(LINES);
  });

  it('on stdout through a pipe too, as whole lines', async () => {
    await using writer = child('writer', {
      output: 'stdout',
      lines: LINES,
      text: 'x'.repeat(200),
      end: 'sigterm',
    });
    const { stdout } = await writer.ended;
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => Reflect.get(JSON.parse(line) as object, 'n'))).toEqual(all);
  });
});
