import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Goal } from './goal.js';
import { ratiosOf } from './ratios.js';
import { type ComparisonResult, judged, report } from './report.js';

export interface MemorySubject {
  readonly name: string;
  /** Makes what is to be weighed; it is held while it is weighed, and dropped after. */
  build(): unknown;
  readonly goal?: Goal | undefined;
}

export interface MemoryComparison {
  readonly title: string;
  readonly baseline: MemorySubject;
  readonly subjects: readonly MemorySubject[];
  /** At least 3. Default 5. */
  readonly rounds?: number | undefined;
}

const LEAST_ROUNDS = 3;

/** The engine's collector, also in a process started without --expose-gc. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Bytes the engine holds after a full collection: heap, and the buffers outside of it. */
function heldBytes(collect: () => void): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function weigh(subject: MemorySubject, collect: () => void): Promise<number> {
  const before = heldBytes(collect);
  const built = await subject.build();
  const bytes = heldBytes(collect) - before;
  // a use after the weighing keeps it alive until then
  return built === undefined ? Number.NaN : Math.max(bytes, 1);
}

/**
 * Weighs what subjects keep in memory beside a baseline, in turns, and prints the ratios (subject / baseline).
 * Build enough, some megabytes: the engine's own noise is some kilobytes. Rejects when a build returns nothing.
 */
export async function compareMemory(comparison: MemoryComparison): Promise<ComparisonResult> {
  const { title, baseline, subjects } = comparison;
  const collect = collector();
  const all = [baseline, ...subjects];
  const rounds = Math.max(LEAST_ROUNDS, comparison.rounds ?? 5);
  const weights = new Map<MemorySubject, number[]>(all.map((subject) => [subject, []]));
  for (const subject of all)
    if (Number.isNaN(await weigh(subject, collect)))
      throw new TypeError(`${title}: ${subject.name} builds nothing: return what is to be weighed`);
  for (let round = 0; round < rounds; round++)
    for (const subject of round % 2 === 0 ? all : all.toReversed())
      weights.get(subject)?.push(await weigh(subject, collect));

  const base = weights.get(baseline) ?? [];
  const results = subjects.map((subject) => {
    const ratios = (weights.get(subject) ?? []).map((bytes, round) => bytes / (base[round] ?? Number.NaN));
    return judged(subject.name, ratiosOf(ratios), subject.goal);
  });
  const result = { title, measure: 'memory', baseline: baseline.name, subjects: results } as const;
  report(result);
  return result;
}
