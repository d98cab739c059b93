import { memoryTarget } from './coord-bench.js';
import { describeRegistry } from './registry.behaviour.js';

describeRegistry(memoryTarget());
