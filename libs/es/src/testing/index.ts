export { esSuite } from './es.suite.js';
export type { EsSuiteTarget, SuiteRunner } from './suite-target.js';
