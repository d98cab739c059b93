import { appendFileSync } from 'node:fs';
import { type Goal, meets } from './goal.js';
import type { Ratios } from './ratios.js';

/** What a comparison measures, and how its ratio is read. */
export type Measure = 'time' | 'throughput' | 'memory';

export interface SubjectResult {
  readonly name: string;
  readonly ratios: Ratios;
  readonly goal?: Goal | undefined;
  /** Undefined without a goal. */
  readonly met?: boolean | undefined;
}

export interface ComparisonResult {
  readonly title: string;
  readonly measure: Measure;
  readonly baseline: string;
  readonly subjects: readonly SubjectResult[];
}

const READING: Readonly<Record<Measure, string>> = {
  time: 'time against the baseline, lower is better',
  throughput: 'throughput against the baseline, higher is better',
  memory: 'memory against the baseline, lower is better',
};

function ratio(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function judged(name: string, ratios: Ratios, goal: Goal | undefined): SubjectResult {
  return { name, ratios, ...(goal !== undefined && { goal, met: meets(goal, ratios.median) }) };
}

/**
 * Prints one comparison: ratios only, since absolute times of one machine say nothing about another.
 * Also appended as a line of JSON to the file named in INFRA_BENCH_REPORT, for whoever writes a page of it.
 */
export function report(result: ComparisonResult): void {
  const width = Math.max(result.baseline.length, ...result.subjects.map(({ name }) => name.length));
  console.log(`\n${result.title}  (${READING[result.measure]})`);
  console.log(`  ${result.baseline.padEnd(width)}  1.00  baseline`);
  for (const { name, ratios, goal, met } of result.subjects) {
    const spread = `${ratio(ratios.min)}–${ratio(ratios.max)} in ${ratios.rounds.length} rounds`;
    const verdict = goal === undefined ? '' : `  goal ${goal}: ${met === true ? 'ok' : 'missed'}`;
    console.log(`  ${name.padEnd(width)}  ${ratio(ratios.median)}  ${spread}${verdict}`);
  }
  const file = process.env.INFRA_BENCH_REPORT;
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify(result)}\n`);
}
