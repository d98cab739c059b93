import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

describe('the package', () => {
  it('loads ioredis when Redis is chosen, and never before', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [fixture('what-is-loaded.mjs')]);
    expect(JSON.parse(stdout)).toEqual({
      atImport: false,
      withMemory: false,
      refused: 'UNAVAILABLE',
      withRedis: true,
    });
  });

  it.each([
    ['ioredis', { url: 'redis://127.0.0.1:1' }],
    ['@msgpack/msgpack', { driver: 'memory', codec: 'msgpack' }],
  ])('says what to install where %s is missing', async (library, config) => {
    const args = [
      '--import',
      fixture('without-library.mjs'),
      fixture('start.mjs'),
      library,
      JSON.stringify(config),
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(`npm i ${library}`),
    });
  });

  it('lets a process end by itself once the cache is closed', async () => {
    const args = [fixture('start.mjs'), 'none', JSON.stringify({ driver: 'memory' })];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ code: 'started' });
  });
});
