import { describeWatches } from './config-watch.behaviour.js';
import { memoryTarget } from './coord-bench.js';
import { describeDocuments } from './documents.behaviour.js';

describeDocuments(memoryTarget());
describeWatches(memoryTarget());
