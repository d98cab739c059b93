import { memoryTarget } from './coord-bench.js';
import { describeElections } from './elections.behaviour.js';

describeElections(memoryTarget());
