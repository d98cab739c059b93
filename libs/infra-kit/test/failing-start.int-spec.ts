import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

function start(options: object): { code: number | null; output: string } {
  const fixture = join(import.meta.dirname, 'fixtures/failing-start.mjs');
  const { NODE_OPTIONS: _unset, REDIS_URL: _none, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [fixture, JSON.stringify(options)], {
    encoding: 'utf8',
    env,
    timeout: 20_000,
  });
  return { code: status, output: stdout + stderr };
}

describe('a start that fails', () => {
  it('prints one sentence without a stack, leaves nothing open, and rejects', () => {
    const { code, output } = start({ env: 'production', clog: true, uid: { instanceId: 5000 }, cache: true });
    expect(code).toBe(3);
    expect(output).toContain('REDIS_URL');
    expect(output).toContain('uid.instanceId');
    expect(output).not.toMatch(/\n\s+at /);
  });

  it('says which address does not answer when the server is away', () => {
    const { code, output } = start({
      env: 'development',
      cache: { url: 'redis://user:hunter2@127.0.0.1:1' },
    });
    expect(code).toBe(3);
    expect(output).toContain('127.0.0.1:1');
    expect(output).not.toContain('hunter2');
    expect(output).not.toMatch(/\n\s+at /);
  });
});
