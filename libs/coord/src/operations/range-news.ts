import type { KeyChange, Listing } from '../configuration/list-difference.js';

/** What a follower of a range is told. */
export type RangeNews =
  /** What one revision changed. With a `listing`: what brings the follower to that whole state; at the start even if nothing. */
  | {
      readonly type: 'changes';
      readonly revision: bigint;
      readonly changes: readonly KeyChange[];
      readonly listing?: Listing | undefined;
    }
  /** The store tells of changes: at first, and again after each interruption. */
  | { readonly type: 'attached' }
  /** The connection is lost; it is made again without a hand. */
  | { readonly type: 'interrupted'; readonly error: unknown };
