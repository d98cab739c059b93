import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@infra-kit/testkit';
import { processesIn } from '../src/process/processes.js';
import { lastLine, npmTest, type OwnPlace, ownPlace } from './npm-test.js';

const SUITES = ['libs/testkit/test/redis.redis.int', 'libs/testkit/test/postgres.postgres.int'];
const NOTHING = ['--select', 'unit', '--listTests'];
const RUN_MS = 180_000;

describe('runs of npm test beside each other, as from several checkouts of one user', () => {
  let place: OwnPlace;
  beforeEach(() => {
    place = ownPlace();
  });
  afterEach(() => place.remove());

  it(
    'share a temporary folder and an empty testbed, each pass, and leave but whole templates',
    async () => {
      const home = join(place.env.TMPDIR, 'testbed');
      const env = { ...place.env, INFRA_TESTBED_HOME: home };
      const runs = [npmTest(SUITES, env), npmTest(SUITES, env)] as const;
      await until('one of them has servers', () => place.runs().some((run) => readdirSync(run).length > 1), {
        deadlineMs: RUN_MS,
      });
      const third = await npmTest(NOTHING, env); // begins and ends with a sweep
      const [first, second] = await Promise.all(runs);
      expect([first, second, third].map(({ code, err }) => (code === 0 ? code : err))).toEqual([0, 0, 0]);
      expect(lastLine(first)).toMatch(/^\d passed, 0 failed$/);
      expect(processesIn(place.env.TMPDIR)).toEqual([]);
      expect(place.runs()).toEqual([]);
      expect(readdirSync(join(home, 'templates'))).toEqual([expect.stringMatching(/^postgres-[0-9a-f]+$/)]);
    },
    RUN_MS,
  );
});
