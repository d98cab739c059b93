export { dbSuite, type DbSuiteTarget, type SuiteRunner } from './driver.suite.js';
export { shardSuite, type ShardSuiteTarget } from './shard.suite.js';
