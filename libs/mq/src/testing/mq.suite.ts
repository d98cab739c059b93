import { failureTests } from './failure.suite.js';
import { groupTests } from './group.suite.js';
import { sendingTests } from './sending.suite.js';
import { Bench, type MqSuiteTarget, type SuiteRunner, type SuiteTest } from './suite-target.js';

const TESTS: Readonly<Record<string, SuiteTest>> = { ...sendingTests, ...groupTests, ...failureTests };

async function onTarget(target: MqSuiteTarget, test: SuiteTest): Promise<void> {
  const bench = new Bench(target);
  try {
    await test(bench);
  } finally {
    await bench.end();
  }
}

/** What every driver must hold, seen through the front: run it in the tests of a driver of your own. */
export function mqSuite({ describe, it }: SuiteRunner, target: MqSuiteTarget): void {
  describe(target.name, () => {
    for (const [name, test] of Object.entries(TESTS)) it(name, () => onTarget(target, test));
  });
}
