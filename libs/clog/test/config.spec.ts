import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isConfigError } from '@infra-kit/kernel';
import { createClog, type ClogOptions, defaultClogConfig } from '@infra-kit/clog';
import { CapturedLines } from '@infra-kit/clog/testing';

const NAMES = ['LOG_LEVEL', 'LOG_FORMAT'] as const;

beforeEach(() => {
  for (const name of NAMES) delete process.env[name];
});
afterEach(() => {
  for (const name of NAMES) delete process.env[name];
});

async function problemsOf(config: unknown): Promise<readonly string[]> {
  try {
    await (await createClog(config as ClogOptions, { env: 'production' })).close();
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
  return [];
}

describe('the defaults', () => {
  it.each([
    ['development', 'debug', 'console'],
    ['test', 'info', 'json'],
    ['production', 'info', 'json'],
    ['staging', 'info', 'json'],
  ])('of %s are level %s and format %s', (env, level, format) => {
    expect(defaultClogConfig(env)).toMatchObject({ level, format });
  });

  it('are those of the contract', () => {
    expect(defaultClogConfig('production')).toMatchObject({
      levels: {},
      output: 'stdout',
      addSource: false,
      rotation: { maxSizeMb: 100, maxBackups: 5, maxAgeDays: 30, compress: true },
      redact: [],
      http: { enabled: true, ignorePaths: ['/health', '/metrics'], slowMs: 1000 },
    });
    expect(defaultClogConfig('production').burst).toBeUndefined();
  });
});

describe('the environment', () => {
  it('says level and format where the code says none', async () => {
    process.env['LOG_LEVEL'] = 'ERROR';
    process.env['LOG_FORMAT'] = 'console';
    const sink = new CapturedLines();
    await using clog = await createClog({ color: false }, { env: 'production', sink });
    clog.root.warn('unseen');
    clog.logger('ui').error('seen', { n: 1 });
    expect(sink.texts.join('')).toMatch(/ERROR: \[ui\] seen \{"n":1\}/);
    expect(sink.texts.join('')).not.toContain('unseen');
  });

  it('yields to the code, but not to what the code leaves undefined', async () => {
    process.env['LOG_LEVEL'] = 'error';
    const deps = { env: 'production', sink: new CapturedLines() };
    await using coded = await createClog({ level: 'trace' }, deps);
    expect(coded.level()).toBe('trace');
    await using open = await createClog({ level: undefined }, deps);
    expect(open.level()).toBe('error');
  });

  it('that is wrong is refused', async () => {
    process.env['LOG_LEVEL'] = 'loud';
    expect(await problemsOf({})).toEqual([expect.stringMatching(/^level: .*got "loud"/)]);
  });
});

describe('the console format', () => {
  it('colours when told to', async () => {
    const sink = new CapturedLines();
    await using clog = await createClog({ format: 'console', color: true }, { env: 'production', sink });
    clog.root.info('x');
    expect(sink.texts.join('')).toContain('\u001B[');
  });
});

describe('bad input', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'clog-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is refused at the start, all of it named in one error', async () => {
    const problems = await problemsOf({
      level: 'loud',
      levels: { user: 'debug', order: 'quiet' },
      output: folder,
      format: 'xml',
      rotation: { maxSizeMb: -1, maxBackups: -2, maxAgeDays: -3, shrink: true },
      redact: ['a b'],
      http: { slowMs: -1 },
      burst: { perSecond: 0, first: 0 },
      colour: true,
    });
    const fields = problems.map((problem) => problem.slice(0, problem.indexOf(':')));
    expect(new Set(fields)).toEqual(
      new Set([
        'level',
        'levels',
        'output',
        'format',
        'rotation.maxSizeMb',
        'rotation.maxBackups',
        'rotation.maxAgeDays',
        'rotation.shrink',
        'redact',
        'http.slowMs',
        'burst.perSecond',
        'burst.first',
        'colour',
      ]),
    );
    expect(problems.find((problem) => problem.startsWith('levels'))).toContain('order: "quiet"');
  });

  it.each([
    ['a folder that is there', (base: string) => base],
    ['a folder that is not', (base: string) => `${base}/missing/`],
    ['nothing', () => ''],
  ])('%s is no output', async (_name, output) => {
    expect(await problemsOf({ output: output(folder) })).not.toEqual([]);
  });

  it.each([[null], [5], ['text'], [[]]])('%p is no configuration', async (config) => {
    await expect(createClog(config as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('accepts durations with units', async () => {
    expect(await problemsOf({ http: { slowMs: '2s' } })).toEqual([]);
  });
});
