export { outboxSuite } from './outbox.suite.js';
export type { OutboxSuiteTarget, SuiteRunner } from './suite-target.js';
