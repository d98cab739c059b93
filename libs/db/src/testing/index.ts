export { dbSuite, type DbSuiteTarget, type SuiteRunner } from './driver.suite.js';
