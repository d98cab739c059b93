import type { Goal } from './goal.js';
import { ratiosOf } from './ratios.js';
import { type ComparisonResult, judged, report } from './report.js';
import { type Subject, type Timer, timerOf } from './subject.js';

export interface ComparedSubject extends Subject {
  /** Against the median of the ratios. A missed goal is printed, never thrown. */
  readonly goal?: Goal | undefined;
}

export interface Comparison {
  readonly title: string;
  readonly baseline: Subject;
  readonly subjects: readonly ComparedSubject[];
  /** 'time' (default): subject's time / baseline's. 'throughput': subject's iterations a second / baseline's. */
  readonly measure?: 'time' | 'throughput' | undefined;
  /** At least 7. Default INFRA_BENCH_ROUNDS, else 9. */
  readonly rounds?: number | undefined;
  /** How long one subject runs in one round, in milliseconds. Default INFRA_BENCH_ROUND_MS, else 150. */
  readonly roundMs?: number | undefined;
  /** How many iterations of an asynchronous subject are under way at once. Default 1. */
  readonly concurrency?: number | undefined;
}

interface Contestant {
  readonly subject: ComparedSubject;
  readonly timer: Timer;
  readonly iterations: number;
}

const LEAST_ROUNDS = 7;
const WARM_UPS = 3;

function fromEnvironment(name: string, otherwise: number): number {
  const value = Number(process.env[name] ?? Number.NaN);
  return Number.isFinite(value) && value > 0 ? value : otherwise;
}

/** Doubles the iterations until they last a round, which warms the subject up as well; then a few rounds more. */
async function enlist(subject: ComparedSubject, roundMs: number, concurrency: number): Promise<Contestant> {
  const timer = await timerOf(subject, concurrency);
  let iterations = concurrency;
  let seconds = await timer(iterations);
  while (seconds * iterations * 1_000 < roundMs) {
    iterations *= 2;
    seconds = await timer(iterations);
  }
  for (let warmUp = 0; warmUp < WARM_UPS && seconds > 0; warmUp++) {
    iterations = Math.max(1, Math.round(roundMs / 1_000 / seconds / concurrency)) * concurrency;
    seconds = await timer(iterations);
  }
  return { subject, timer, iterations };
}

/**
 * Measures subjects beside a baseline, in one process, in turns: each round runs every one once, and every second
 * round in reverse order, so that drift of the machine falls on all alike. Prints and returns the ratios of each round
 * (subject / baseline): median and spread. Nothing is asserted.
 */
export async function compare(comparison: Comparison): Promise<ComparisonResult> {
  const { title, baseline, subjects, measure = 'time', concurrency = 1 } = comparison;
  const rounds = Math.max(LEAST_ROUNDS, comparison.rounds ?? fromEnvironment('INFRA_BENCH_ROUNDS', 9));
  const roundMs = comparison.roundMs ?? fromEnvironment('INFRA_BENCH_ROUND_MS', 150);
  const contestants: Contestant[] = [];
  for (const subject of [baseline, ...subjects])
    contestants.push(await enlist(subject, roundMs, concurrency));

  const seconds = new Map<Contestant, number[]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < rounds; round++)
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed())
      seconds.get(contestant)?.push(await contestant.timer(contestant.iterations));

  const [first, ...others] = contestants.map((contestant) => ({
    ...contestant,
    seconds: seconds.get(contestant) ?? [],
  }));
  const results = others.map(({ subject, seconds: own }) => {
    const slower = own.map((value, round) => value / (first?.seconds[round] ?? Number.NaN));
    const ratios = ratiosOf(measure === 'time' ? slower : slower.map((value) => 1 / value));
    return judged(subject.name, ratios, subject.goal);
  });
  const result = { title, measure, baseline: baseline.name, subjects: results };
  report(result);
  return result;
}
