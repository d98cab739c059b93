export { type ComparedSubject, type Comparison, compare } from './compare.js';
export { compareMemory, type MemoryComparison, type MemorySubject } from './compare-memory.js';
export { type Goal, meets } from './goal.js';
export { type Ratios, ratiosOf } from './ratios.js';
export type { ComparisonResult, Measure, SubjectResult } from './report.js';
export type { Subject } from './subject.js';
