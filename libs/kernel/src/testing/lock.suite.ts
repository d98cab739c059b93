import { lockHoldingTests } from './lock-holding.suite.js';
import { LockBench, type LockSuiteTarget, type LockTest, type SuiteRunner } from './lock-suite-target.js';
import { lockUseTests } from './lock-use.suite.js';
import { lockWaitingTests } from './lock-waiting.suite.js';

const TESTS: Readonly<Record<string, LockTest>> = {
  ...lockHoldingTests,
  ...lockWaitingTests,
  ...lockUseTests,
};

/** What every `LockService` must hold, over any store: run it in the tests of one of your own. */
export function lockServiceSuite({ describe, it }: SuiteRunner, target: LockSuiteTarget): void {
  describe(`${target.name}, as locks`, () => {
    for (const [name, test] of Object.entries(TESTS))
      it(name, async () => {
        const bench = new LockBench(target);
        try {
          await test(bench);
        } finally {
          await bench.close();
        }
      });
  });
}
