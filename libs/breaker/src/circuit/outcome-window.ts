/** Reads the monotonic clock, in milliseconds. Called only where time decides something. */
export type Now = () => number;

/** What is remembered of a counted outcome: any of the bits below, or 0 for a success in good time. */
export type Marks = number;
export const FAILED = 1;
export const SLOW = 2;

/** The latest counted outcomes: of a number of calls, or of a span of time. */
export interface OutcomeWindow {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  record(marks: Marks, now: Now): void;
  /** Drops what is too old; the counts are those of this instant afterwards. */
  roll(now: Now): void;
}

export type WindowShape =
  | { readonly type: 'count'; readonly size: number }
  | { readonly type: 'time'; readonly ms: number; readonly buckets?: number | undefined };
