import { bloomTests } from './bloom.suite.js';
import { expiryTests } from './expiry.suite.js';
import { hashTests } from './hash.suite.js';
import { loadTests } from './load.suite.js';
import { refreshTests } from './refresh.suite.js';
import { scanTests } from './scan.suite.js';
import { scriptTests } from './script.suite.js';
import { setTests } from './set.suite.js';
import { sortedSetTests } from './sorted-set.suite.js';
import { structureTests } from './structure.suite.js';
import {
  onTarget,
  randomName,
  type CacheSuiteTarget,
  type SuiteRunner,
  type SuiteTest,
} from './suite-target.js';
import { tagTests } from './tag.suite.js';
import { valueTests } from './value.suite.js';
import { voidTests } from './void.suite.js';

export type { CacheSuiteTarget, SuiteRunner } from './suite-target.js';

const TESTS: Readonly<Record<string, SuiteTest>> = {
  ...valueTests,
  ...expiryTests,
  ...scanTests,
  ...scriptTests,
  ...loadTests,
  ...refreshTests,
  ...tagTests,
  ...voidTests,
  ...structureTests,
  ...hashTests,
  ...setTests,
  ...sortedSetTests,
  ...bloomTests,
};

/**
 * What every driver must hold, told through the front: run it in the tests of a driver of your own. Everything runs
 * twice, with an empty prefix and with a random one; a capability the driver disclaims must be UNIMPLEMENTED.
 */
export function cacheDriverSuite({ describe, it }: SuiteRunner, target: CacheSuiteTarget): void {
  for (const [what, keyPrefix] of [
    ['an empty prefix', ''],
    ['a random prefix', `${randomName('p')}:`],
  ] as const)
    describe(`${target.name} with ${what}`, () => {
      for (const [name, test] of Object.entries(TESTS)) it(name, () => onTarget(target, { keyPrefix }, test));
    });
}
