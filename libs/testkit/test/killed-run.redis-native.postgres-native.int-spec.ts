import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isAlive, until } from '@infra-kit/testkit';
import { familyOf, killFamily } from '../src/process/family.js';
import { processesIn } from '../src/process/processes.js';
import { readRecord } from '../src/process/run-folder.js';
import { npmTest, type OwnPlace, ownPlace, startNpmTest } from './npm-test.js';

const SUITES = ['libs/testkit/test/redis.redis', 'libs/testkit/test/postgres.postgres'];
const NOTHING = ['--select', 'unit', '--listTests'];
const RUN_MS = 120_000;

describe('npm test, killed by SIGKILL while its servers are up', () => {
  let place: OwnPlace;
  let elsewhere: OwnPlace;
  beforeEach(() => {
    place = ownPlace();
    elsewhere = ownPlace();
  });
  afterEach(() => {
    killFamily(processesIn(place.env.TMPDIR));
    for (const folder of [place, elsewhere]) folder.remove();
  });

  /** Of each run, by the id of its process, what it has recorded there. */
  function recorded(): Map<number, readonly string[]> {
    return new Map(
      place.runs().map((run) => {
        const kinds = readdirSync(run).flatMap((folder) => readRecord(join(run, folder))?.kind ?? []);
        return [Number.parseInt(basename(run), 10), kinds];
      }),
    );
  }

  /** Kills a run in which both shared servers are up and a worker has one of its own; resolves with whom it leaves. */
  async function killedRun(): Promise<readonly number[]> {
    const run = startNpmTest(SUITES, place.env);
    for (const output of [run.stdout, run.stderr]) output.resume();
    const pid = run.pid ?? 0;
    await until(
      'the run has servers, and a worker has one',
      () => {
        const runs = recorded();
        const shared = runs.get(pid) ?? [];
        runs.delete(pid);
        const both = ['redis', 'postgres'].every((kind) => shared.includes(kind));
        return both && [...runs.values()].some((kinds) => kinds.length > 0);
      },
      { deadlineMs: RUN_MS },
    );
    const family = familyOf([pid]).filter((member) => member !== pid);
    const exited = once(run, 'exit');
    run.kill('SIGKILL');
    await exited;
    return family;
  }

  it(
    'leaves its servers, its workers and theirs, and none of them after the next run, nor a folder',
    async () => {
      const left = await killedRun();
      const control = await npmTest(NOTHING, elsewhere.env);
      expect(control.code).toBe(0);
      expect(left.filter(isAlive).length).toBeGreaterThan(2);
      expect(place.runs().length).toBeGreaterThan(1);
      const next = await npmTest(NOTHING, place.env);
      expect(next.code).toBe(0);
      expect(left.filter(isAlive)).toEqual([]);
      expect(processesIn(place.env.TMPDIR)).toEqual([]);
      expect(place.runs()).toEqual([]);
    },
    RUN_MS,
  );
});
