export { mqSuite } from './mq.suite.js';
export type { MqSuiteTarget, SuiteRunner } from './suite-target.js';
export { MemoryBroker, type MemoryBrokerOptions } from '../drivers/memory/memory-broker.js';
export { MemoryMqDriver } from '../drivers/memory/memory.driver.js';
