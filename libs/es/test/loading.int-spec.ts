import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

async function output(...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  return JSON.parse(stdout);
}

describe('the package', () => {
  it('loads the client when Elasticsearch is chosen, and never before', async () => {
    expect(await output(fixture('what-is-loaded.mjs'))).toEqual({
      atImport: [],
      withMemory: [],
      refused: 'UNAVAILABLE',
      withElasticsearch: ['@elastic/elasticsearch', '@nestjs/elasticsearch'],
    });
  }, 60_000);

  it.each(['@elastic/elasticsearch', '@nestjs/elasticsearch'])(
    'says what to install where %s is missing',
    async (library) => {
      const config = JSON.stringify({ node: 'http://127.0.0.1:1' });
      expect(
        await output('--import', fixture('without-library.mjs'), fixture('start.mjs'), library, config),
      ).toEqual({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining('npm i @elastic/elasticsearch @nestjs/elasticsearch'),
      });
    },
    60_000,
  );

  it.each([{ driver: 'memory' }, { node: 'http://127.0.0.1:1' }])(
    'lets a process end by itself once an es is closed: %j',
    async (config) => {
      expect(await output(fixture('start.mjs'), 'none', JSON.stringify(config))).toEqual({ code: 'started' });
    },
    60_000,
  );
});
