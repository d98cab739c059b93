import { expect, it } from '@jest/globals';
import { sharedRedis } from '@infra-kit/testkit';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

// 0: while the cache still connects; 300: when it has connected
it.each([0, 300])(
  'a provider of the application that fails after %i ms leaves no connection open',
  (afterMs) => {
    const fixture = join(import.meta.dirname, 'fixtures/failing-provider.mjs');
    const { NODE_OPTIONS: _unset, INFRA_ENV: _env, ...env } = process.env;
    const { status, stderr, signal } = spawnSync(
      process.execPath,
      [fixture, sharedRedis().url, String(afterMs)],
      {
        encoding: 'utf8',
        env,
        timeout: 15_000,
      },
    );
    expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: 'cannot be made\n' });
  },
);
