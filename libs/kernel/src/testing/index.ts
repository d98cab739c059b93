export { FakeClock } from './fake-clock.js';
export { eventually } from './eventually.js';
export { faulty, type Faulty, type FaultyOptions } from './faulty.js';
export { lockServiceSuite } from './lock.suite.js';
export type { LockSuiteMember, LockSuiteTarget, SuiteRunner } from './lock-suite-target.js';
export { MemoryConfigSource, type Reported } from './memory-config-source.js';
export { seededRandom, type SeededRandom } from './random.js';
export { recordMetrics, RecordingLogger, type Measured } from './recording.js';
