import { END_OF_TIME, LAST_SEQUENCE } from './snowflake-layout.js';

/** A place on the time line of one instance. */
export interface Position {
  /** Whole milliseconds since the epoch; −1 is before the first id. */
  readonly offset: number;
  readonly sequence: number;
}

/** What the time line says when the next id is asked for. */
export type Step =
  | ({ readonly kind: 'issue' } & Position)
  /** The sequence of the last millisecond is used up. */
  | { readonly kind: 'full'; readonly untilOffset: number }
  /** The clock stepped back, by little enough to wait for it. */
  | { readonly kind: 'behind'; readonly untilOffset: number }
  /** The clock stepped back by more than is waited for. */
  | { readonly kind: 'rolled-back'; readonly byMs: number }
  /** 41 bits are used up. */
  | { readonly kind: 'ended' };

/**
 * The algorithm of the snowflake (Twitter, 2010), pure: from the last position and the present time, the next position
 * or the reason why there is none. What it issues comes strictly after `last`, whatever the clock does.
 * @param nowOffset whole milliseconds since the epoch, by the wall clock
 * @param maxRollbackMs the largest step back that is waited for
 */
export function advance(last: Position, nowOffset: number, maxRollbackMs: number): Step {
  const { offset, sequence } = last;
  if (nowOffset > offset)
    return nowOffset >= END_OF_TIME ? { kind: 'ended' } : { kind: 'issue', offset: nowOffset, sequence: 0 };
  const byMs = offset - nowOffset;
  if (byMs > maxRollbackMs) return { kind: 'rolled-back', byMs };
  if (byMs > 0) return { kind: 'behind', untilOffset: offset };
  return sequence === LAST_SEQUENCE
    ? { kind: 'full', untilOffset: offset + 1 }
    : { kind: 'issue', offset, sequence: sequence + 1 };
}
