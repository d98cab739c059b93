/** The ratios of one subject to its baseline, one a round. */
export interface Ratios {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
}

/** Throws a RangeError when there are none. */
export function ratiosOf(rounds: readonly number[]): Ratios {
  const sorted = rounds.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (min === undefined || max === undefined || upper === undefined || lower === undefined)
    throw new RangeError('no rounds, no ratios');
  return { median: (lower + upper) / 2, min, max, rounds };
}
