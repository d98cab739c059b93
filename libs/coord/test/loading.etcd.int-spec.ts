import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { sharedEtcd } from '@infra-kit/testkit';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

async function output(...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  return JSON.parse(stdout);
}

describe('the package', () => {
  it('loads etcd3 and gRPC when etcd is chosen, and never before', async () => {
    expect(await output(fixture('what-is-loaded.mjs'))).toEqual({
      atImport: [],
      withMemory: [],
      refused: 'UNAVAILABLE',
      withEtcd: ['etcd3', '@grpc/grpc-js'],
    });
  }, 60_000);

  it('says what to install where etcd3 is missing', async () => {
    const config = JSON.stringify({ endpoints: ['127.0.0.1:1'] });
    expect(
      await output('--import', fixture('without-library.mjs'), fixture('start.mjs'), 'etcd3', config),
    ).toEqual({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('npm i etcd3'),
    });
  }, 60_000);

  it.each([
    ['memory', () => ({ driver: 'memory' })],
    ['etcd', () => ({ endpoints: sharedEtcd().endpoints, prefix: '/loading' })],
  ])(
    'lets a process end by itself once a coord on %s is closed',
    async (_, config) => {
      expect(await output(fixture('start.mjs'), 'none', JSON.stringify(config()))).toEqual({
        code: 'started',
      });
    },
    60_000,
  );
});
