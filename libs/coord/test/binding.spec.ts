import { describeBindings } from './binding.behaviour.js';
import { describeConfigSource } from './config-source.behaviour.js';
import { memoryTarget } from './coord-bench.js';

describeBindings(memoryTarget());
describeConfigSource(memoryTarget());
