import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { processesIn } from '../src/process/processes.js';
import { lastLine, npmTest, type OwnPlace, ownPlace } from './npm-test.js';

const SUITES = ['libs/testkit/test/redis.redis', 'libs/testkit/test/postgres.postgres.int'];
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
      // each begins and ends with a sweep while others have servers up
      const runs = await Promise.all([npmTest(SUITES, env), npmTest(SUITES, env)]);
      expect(runs.map(({ code, err }) => (code === 0 ? code : err))).toEqual([0, 0]);
      expect(lastLine(runs[0])).toMatch(/^\d\d passed, 0 failed$/);
      expect(processesIn(place.env.TMPDIR)).toEqual([]);
      expect(place.runs()).toEqual([]);
      expect(readdirSync(join(home, 'templates'))).toEqual([expect.stringMatching(/^postgres-[0-9a-f]+$/)]);
    },
    RUN_MS,
  );
});
