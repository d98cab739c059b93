import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);
const run = (...args: string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, args, { timeout: 60_000 });

describe('the package', () => {
  it('loads a client library when it is chosen, and never before', async () => {
    const { stdout } = await run(fixture('what-is-loaded.mjs'));
    expect(JSON.parse(stdout)).toEqual({
      atImport: false,
      withMemory: false,
      platformatic: 'UNAVAILABLE',
      withPlatformatic: false,
      kafkajs: 'UNAVAILABLE',
      withKafkajs: true,
    });
  }, 90_000);

  it.each([
    ['kafkajs', { brokers: '127.0.0.1:1' }],
    ['@platformatic/kafka', { brokers: '127.0.0.1:1', client: 'platformatic' }],
  ])(
    'says what to install where %s is missing',
    async (library, config) => {
      const { stdout } = await run(
        '--import',
        fixture('without-library.mjs'),
        fixture('start.mjs'),
        library,
        JSON.stringify(config),
      );
      expect(JSON.parse(stdout)).toEqual({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining(`npm i ${library}`),
      });
    },
    90_000,
  );

  it('lets a process end by itself once the mq is closed', async () => {
    const { stdout } = await run(fixture('start.mjs'), JSON.stringify({ driver: 'memory' }));
    expect(JSON.parse(stdout)).toEqual({ value: 'hello' });
  }, 90_000);
});
