import { executeTests } from './execute.suite.js';
import { inFlightTests, serialTests } from './in-flight.suite.js';
import { recordTests } from './record.suite.js';
import { onTarget, type OnceSuiteTarget, type SuiteRunner } from './suite-target.js';

export type { OnceSuiteTarget, SuiteRunner } from './suite-target.js';

/** The published suite: what every store of the component does. */
export function onceSuite({ describe, it }: SuiteRunner, target: OnceSuiteTarget): void {
  for (const [title, tests] of Object.entries({
    'what is run': executeTests,
    'what is known': recordTests,
    'what is in flight': target.concurrent === false ? serialTests : inFlightTests,
  }))
    describe(`${target.name}: ${title}`, () => {
      for (const [name, test] of Object.entries(tests)) it(name, () => onTarget(target, test));
    });
}
