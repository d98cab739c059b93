import { writeSync } from 'node:fs';

/** The last line of a run, alone on its line: "N passed, N failed[, N skipped]". */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    // a suite that cannot be loaded has no tests of its own: it counts as one failure
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    // on exit: the coverage table and the default summary are printed after custom reporters
    process.once('exit', () => writeSync(1, `\n${line}\n`));
  }
}
