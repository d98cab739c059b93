import { bulkTests } from './bulk.suite.js';
import { documentTests } from './document.suite.js';
import { edgeTests } from './edges.suite.js';
import { indicesTests } from './indices.suite.js';
import { scopeTests } from './scope.suite.js';
import { searchTests } from './search.suite.js';
import { Bench, type EsSuiteTarget, type SuiteRunner, type SuiteTest } from './suite-target.js';
import { textTests } from './text.suite.js';

const TESTS: Readonly<Record<string, SuiteTest>> = {
  ...documentTests,
  ...textTests,
  ...searchTests,
  ...scopeTests,
  ...bulkTests,
  ...indicesTests,
  ...edgeTests,
};

async function onTarget(target: EsSuiteTarget, test: SuiteTest): Promise<void> {
  const bench = await Bench.open(target);
  try {
    await test(bench);
  } finally {
    await bench.end();
  }
}

/** What every driver must hold, asked through the front: run it in the tests of a driver of your own. */
export function esSuite({ describe, it }: SuiteRunner, target: EsSuiteTarget): void {
  describe(target.name, () => {
    for (const [name, test] of Object.entries(TESTS)) it(name, () => onTarget(target, test));
  });
}
