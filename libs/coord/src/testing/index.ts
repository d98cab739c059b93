export { coordDriverSuite } from './driver.suite.js';
export { faultyCoord, type FaultyCoord } from './faulty-coord.js';
export type { CoordSuiteTarget, SuiteRunner } from './suite-target.js';
