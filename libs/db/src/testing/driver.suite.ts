import { contextTests } from './context.suite.js';
import { isolationTests } from './isolation.suite.js';
import { schemaTests } from './schema.suite.js';
import { sqlTests } from './sql.suite.js';
import { onTarget, type DbSuiteTarget, type SuiteRunner, type SuiteTest } from './suite-target.js';
import { transactionTests } from './transaction.suite.js';

export type { DbSuiteTarget, SuiteRunner } from './suite-target.js';

const TESTS: Readonly<Record<string, SuiteTest>> = {
  ...contextTests,
  ...transactionTests,
  ...isolationTests,
  ...sqlTests,
  ...schemaTests,
};

/** What the component promises on every driver, told through its front. */
export function dbSuite({ describe, it }: SuiteRunner, target: DbSuiteTarget): void {
  describe(target.name, () => {
    for (const [name, test] of Object.entries(TESTS)) it(name, () => onTarget(target, test));
  });
}
