import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createCoord, type CoordProvider } from '@infra-kit/coord';
import { eventually } from '@infra-kit/kernel/testing';
import { sharedEtcd, uniqueName } from '@infra-kit/testkit';

const within = { withinMs: 20_000 };
const FIXTURE = join(import.meta.dirname, 'fixtures/registered-process.mjs');

describe('a registered process', () => {
  let coord: CoordProvider;
  let child: ChildProcess;

  async function start(ttlMs: number): Promise<void> {
    const endpoints = [...sharedEtcd().endpoints];
    const prefix = `/${uniqueName('paused')}`;
    coord = await createCoord({ endpoints, prefix }, { env: 'test' });
    const { NODE_OPTIONS: _options, ...env } = process.env;
    child = spawn(process.execPath, [FIXTURE, endpoints[0] ?? '', prefix, 'a', String(ttlMs)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.stdout) await once(child.stdout, 'data');
  }
  afterEach(async () => {
    child.kill('SIGKILL');
    await coord.close();
  });

  const present = async (): Promise<boolean> => (await coord.registry.discover('orders')).length > 0;

  it('that was stopped past its lease is gone, and back within 2 s of going on', async () => {
    await start(2000);
    expect(await present()).toBe(true);
    child.kill('SIGSTOP');
    await eventually(async () => expect(await present()).toBe(false), within);
    child.kill('SIGCONT');
    const noticed = performance.now();
    await eventually(async () => expect(await present()).toBe(true), within);
    expect(performance.now() - noticed).toBeLessThan(2000);
  }, 60_000);

  it('that ends leaves at once, long before its lease would end', async () => {
    await start(60_000);
    expect(await present()).toBe(true);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await present()).toBe(false);
  }, 60_000);
});
