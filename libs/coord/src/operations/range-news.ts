import type { KeyChange } from '../configuration/list-difference.js';

/** What a follower of a range is told. */
export type RangeNews =
  /** What one revision changed; or, for 'start' and 'relist', what brings the follower to the state at `revision`. */
  | {
      readonly type: 'changes';
      readonly origin: 'start' | 'watch' | 'relist';
      readonly revision: bigint;
      readonly changes: readonly KeyChange[];
    }
  /** The store tells of changes: at first, and again after each interruption. */
  | { readonly type: 'attached' }
  /** The connection is lost; it is made again without a hand. */
  | { readonly type: 'interrupted'; readonly error: unknown };
