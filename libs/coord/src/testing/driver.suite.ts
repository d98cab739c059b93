import { kvTests } from './kv.suite.js';
import { leaseTests } from './lease.suite.js';
import { Bench, type CoordSuiteTarget, type SuiteRunner, type SuiteTest } from './suite-target.js';
import { watchTests } from './watch.suite.js';

const TESTS: Readonly<Record<string, SuiteTest>> = { ...kvTests, ...leaseTests, ...watchTests };

async function onTarget(target: CoordSuiteTarget, test: SuiteTest): Promise<void> {
  const driver = await target.open();
  const bench = new Bench(driver, target);
  try {
    await driver.connect();
    await test(bench);
  } finally {
    await bench.end();
  }
}

/** What every driver must hold: run it in the tests of a driver of your own. */
export function coordDriverSuite({ describe, it }: SuiteRunner, target: CoordSuiteTarget): void {
  describe(target.name, () => {
    for (const [name, test] of Object.entries(TESTS)) it(name, () => onTarget(target, test));
  });
}
