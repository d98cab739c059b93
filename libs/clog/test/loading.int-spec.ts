import { describe, expect, it } from '@jest/globals';
import { child } from './children.js';

describe('client libraries: none by the import alone, and pino-pretty', () => {
  it.each([
    ['json', false],
    ['console', true],
  ])('with format %s: loaded is %p', async (format, loaded) => {
    await using process = child('loading', { format });
    expect(JSON.parse((await process.ended).stderr)).toEqual({ byImport: [], loaded, pino: true });
  });

  it('that is not installed leaves lines of JSON and one that says what to install', async () => {
    await using process = child('loading', { format: 'console', missing: true });
    const { stdout } = await process.ended;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toMatchObject([
      { level: 'warn', msg: expect.stringContaining('npm install pino-pretty') },
      { msg: 'x' },
    ]);
  });
});
