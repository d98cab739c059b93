import { describe, expect, it } from '@jest/globals';
import { isAlive, sweepLeftovers, until } from '@infra-kit/testkit';
import { familyOf } from '../src/process/family.js';
import { commandOf } from '../src/process/processes.js';
import { startRunner } from './runner.js';

const START_MS = 240_000;

function withServer(family: readonly number[]): readonly number[] | undefined {
  const serves = family.some((pid) => commandOf(pid)?.includes('org.elasticsearch.bootstrap'));
  return serves ? family : undefined;
}

describe('an Elasticsearch whose runner was killed while it was starting it', () => {
  it(
    'outlives it, and is ended by the next sweep, launcher and server',
    async () => {
      const runner = await startRunner('elasticsearch', 'starting');
      const launcher = runner.server.pid;
      const pair = await until('the launcher starts the server', () => withServer(familyOf([launcher])), {
        deadlineMs: 60_000,
      });
      await runner.kill('SIGKILL');
      expect(pair.filter(isAlive).length).toBeGreaterThan(1);
      await sweepLeftovers();
      expect(pair.filter(isAlive)).toEqual([]);
    },
    START_MS,
  );
});
