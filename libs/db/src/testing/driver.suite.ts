import { contextTests } from './context.suite.js';
import { isolationTests } from './isolation.suite.js';
import { schemaTests } from './schema.suite.js';
import { sqlTests } from './sql.suite.js';
import { eachOpened, openedOnce, type DbTests } from './opened-for-tests.js';
import { benchOn, openTarget, type DbSuiteTarget, type SuiteRunner, type SuiteTest } from './suite-target.js';
import { lastWriteTests } from './last-write.suite.js';
import { transactionTests } from './transaction.suite.js';

export type { DbSuiteTarget, SuiteRunner } from './suite-target.js';

const TESTS: Readonly<Record<string, SuiteTest>> = {
  ...contextTests,
  ...transactionTests,
  ...lastWriteTests,
  ...isolationTests,
  ...sqlTests,
  ...schemaTests,
};

/** What the component promises on every driver, told through its front. */
export function dbSuite(runner: SuiteRunner, target: DbSuiteTarget): void {
  const tests: DbTests = Object.fromEntries(
    Object.entries(TESTS).map(([name, test]) => [name, (db) => test(benchOn(target, db))]),
  );
  runner.describe(target.name, () =>
    (target.concurrent ? eachOpened : openedOnce)(runner, tests, () => openTarget(target)),
  );
}
