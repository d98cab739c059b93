import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, launchRedis, SERVERS, until } from '@infra-kit/testkit';

const SCRIPT = join(import.meta.dirname, '../../../tools/servers.mjs');

describe('npm run servers', () => {
  // a folder of its own: the developer's own servers:native is not to be met here, nor ended
  let temporary: string;
  beforeAll(() => {
    temporary = mkdtempSync(join(tmpdir(), 'infra-kit-servers-'));
  });
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  function servers(...args: readonly string[]): ChildProcess & { readonly printed: () => string } {
    const child = spawn(process.execPath, [SCRIPT, ...args], {
      env: { ...process.env, TMPDIR: temporary, DOCKER_HOST: 'unix:///nowhere/docker.sock' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += String(chunk)));
    return Object.assign(child, { printed: () => out });
  }
  async function finished(...args: readonly string[]): Promise<string> {
    const child = servers(...args);
    await once(child, 'close');
    return child.printed();
  }

  it('prints the addresses of what it started, and down ends that and nothing else', async () => {
    const other = await launchRedis();
    const native = servers('native', 'redis');
    const url = await until(
      'the address is printed',
      () => /export INFRA_TEST_REDIS_URL=(\S+) REDIS_URL=\1\n/.exec(native.printed())?.[1],
    );
    const pid = Number(/process (\d+)/.exec(native.printed())?.[1]);
    expect(await SERVERS.redis.isReady(url)).toBe(true);
    expect(await finished('native', 'redis')).toContain(`process ${native.pid} runs servers already`);
    const exited = once(native, 'exit');
    expect(await finished('down')).toContain(`ended the servers of process ${native.pid}`);
    expect(await exited).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
    expect(await SERVERS.redis.isReady(other.url)).toBe(true);
    await other.stop();
  });

  it('ends what a killed run has left when it is told down', async () => {
    const native = servers('native', 'redis');
    await until('the servers are there', () => native.printed().includes('Ctrl-C'));
    const pid = Number(/process (\d+)/.exec(native.printed())?.[1]);
    const exited = once(native, 'exit');
    native.kill('SIGKILL');
    await exited;
    expect(isAlive(pid)).toBe(true);
    expect(await finished('down')).toContain(`ended redis ${pid}, left by a killed run`);
    expect(isAlive(pid)).toBe(false);
  });

  it('says what else there is where no Docker engine answers', async () => {
    expect(await finished('up')).toContain('npm run servers:native needs none');
  });

  it('refuses a server nobody knows', async () => {
    expect(await finished('native', 'mongo')).toContain("no server called 'mongo'; there are redis, etcd");
  });
});
