export { cacheDriverSuite, type CacheSuiteTarget, type SuiteRunner } from './driver.suite.js';
export { compareTwins, type TwinCall, type TwinComparison } from './twins.js';
export { PATIENT } from './suite-target.js';
