export { infraTesting } from './infra-testing.js';
export { eventually, FakeClock, faulty, seededRandom } from '@infra-kit/kernel/testing';
