import { describeBindings } from './binding.behaviour.js';
import { describeBindingSnapshots } from './binding-snapshot.behaviour.js';
import { describeConfigSource } from './config-source.behaviour.js';
import { memoryTarget } from './coord-bench.js';

describeBindings(memoryTarget());
describeBindingSnapshots(memoryTarget());
describeConfigSource(memoryTarget());
