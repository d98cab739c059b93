export { FakeClock } from './fake-clock.js';
export { eventually } from './eventually.js';
export { faulty, type Faulty } from './faulty.js';
export { MemoryConfigSource, type Reported } from './memory-config-source.js';
export { seededRandom, type SeededRandom } from './random.js';
