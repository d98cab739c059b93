/** What a rule comes down to: whole numbers, so that every decision is exact. Scripts get it as a list in this order. */
export interface RuleNumbers {
  readonly kind: AlgorithmKind;
  /** Bucket: units that come back in a µs. Window: the most a window takes, in thousandths. Slots: how many. */
  readonly a: number;
  /** Bucket: units a token. Window: its length in ms. Slots: length of a permit's lease in µs. */
  readonly b: number;
  /** Bucket: its size in units. */
  readonly c: number;
  /** Bucket: how long a drawn lease lives, in µs; 0: there are none. */
  readonly d: number;
  /** 1: its refusal refuses nobody. */
  readonly shadow: 0 | 1;
}

export const BUCKET = 0;
export const WINDOW = 1;
export const SLOTS = 2;
export type AlgorithmKind = typeof BUCKET | typeof WINDOW | typeof SLOTS;

/** Who holds something under a key, and the running number of what it holds; 0: nobody in particular. */
export interface Holder {
  readonly owner: string;
  readonly seq: number;
}

/** How a key stands for a caller. Times in whole ms, rounded up. */
export interface Standing {
  /** Whole tokens, rounded down. */
  readonly remaining: number;
  /** Until everything has come back: the state means nothing any more then. */
  readonly resetMs: number;
}

/** `waitMs` of a cost that never fits. */
export const NEVER = -1;

/**
 * One algorithm over one key. Pure but for the state it is given, which it changes; times are µs of one clock.
 * `scripts/decide.lua.ts` says the same in Lua, step by step, so that both give the same numbers.
 */
export interface Algorithm<S> {
  /** The state brought up to `now`: made where there is none, and carried over where the rule has changed. */
  settle(state: S | undefined, rule: RuleNumbers, now: number): S;
  /** Takes `amount`, whole, or nothing and answers false. */
  take(state: S, rule: RuleNumbers, amount: number, now: number, holder: Holder): boolean;
  /** Milliseconds until `amount` would fit if nobody else came; 0: now; NEVER. */
  wait(state: S, rule: RuleNumbers, amount: number, now: number): number;
  refund(state: S, rule: RuleNumbers, amount: number): void;
  standing(state: S, rule: RuleNumbers, now: number): Standing;
  copy(state: S): S;
}
