import { BUCKET, WINDOW, type Algorithm, type AlgorithmKind, type RuleNumbers } from './algorithm.js';
import { bucket, type Bucket } from './bucket.js';
import { slots, type Slots } from './slots.js';
import { window, type Window } from './window.js';

export type State =
  | { readonly kind: 0; readonly value: Bucket }
  | { readonly kind: 1; readonly value: Window }
  | { readonly kind: 2; readonly value: Slots };

/** Where states are while decisions are made. A state that was read may be changed in place: it is written, or put back. */
export interface StateSpace {
  read(key: string): State | undefined;
  /** `ttlMs` 0: it means nothing any more and may go. */
  write(key: string, state: State, ttlMs: number): void;
}

export const TAKE = 0;
export const PEEK = 1;
export const REFUND = 2;
export const RESET = 3;
/** Bucket alone: a lease on `amount` tokens. */
export const DRAW = 4;
/** Slots alone: a permit lives on. */
export const RENEW = 5;
/** Slots alone: a permit ends. */
export const RELEASE = 6;
export type Op = 0 | 1 | 2 | 3 | 4 | 5 | 6;

export interface Check {
  readonly key: string;
  readonly op: Op;
  readonly rule: RuleNumbers;
  /** Tokens; may be a fraction, down to a thousandth. */
  readonly amount: number;
  /** Number of the permit or lease among its owner's; 0: none. */
  readonly seq: number;
  readonly heldSeq: number;
  readonly rest: number;
}

/** What is spent together or not at all. Ops but TAKE and PEEK stand alone. */
export type Group = readonly Check[];

export interface Verdict {
  readonly ok: boolean;
  readonly remaining: number;
  /** Milliseconds until the amount would fit; 0: now; NEVER. */
  readonly waitMs: number;
  readonly resetMs: number;
  /** Tokens drawn. */
  readonly granted: number;
}

type Any = Bucket | Window | Slots;

function algorithmOf(kind: AlgorithmKind): Algorithm<Any> {
  const found = kind === BUCKET ? bucket : kind === WINDOW ? window : slots;
  return found as Algorithm<Any>; // a state reaches the algorithm of its own kind alone: see `settled`
}

/** `state` brought up to now. One of another algorithm tells this one nothing. */
function settle(state: State | undefined, { rule }: Check, now: number): State {
  const before = state?.kind === rule.kind ? state.value : undefined;
  const value = algorithmOf(rule.kind).settle(before, rule, now);
  return value === before && state !== undefined ? state : ({ kind: rule.kind, value } as State);
}

function write(space: StateSpace, { key, rule }: Check, state: State, now: number): void {
  space.write(key, state, algorithmOf(rule.kind).ttlMs(state.value, rule, now));
}

function verdict({ rule }: Check, { value }: State, now: number, ok: boolean, waitMs: number): Verdict {
  const { remaining, resetMs } = algorithmOf(rule.kind).standing(value, rule, now);
  return { ok, remaining, waitMs, resetMs, granted: 0 };
}

function waitOf({ rule, amount }: Check, { value }: State, now: number): number {
  return algorithmOf(rule.kind).wait(value, rule, amount, now);
}

/** A check that stands alone. */
function single(space: StateSpace, check: Check, now: number, owner: string): Verdict {
  const { op, rule, amount, key } = check;
  const state = settle(space.read(key), check, now);
  const { value } = state;
  let ok = true;
  let waitMs = 0;
  let granted = 0;
  switch (op) {
    case TAKE:
      ok = algorithmOf(rule.kind).take(value, rule, amount, now, { owner, seq: check.seq });
      if (!ok) waitMs = waitOf(check, state, now);
      break;
    case PEEK:
      waitMs = waitOf(check, state, now);
      return verdict(check, state, now, waitMs === 0, waitMs);
    case REFUND:
      algorithmOf(rule.kind).refund(value, rule, amount);
      break;
    case RESET:
      space.write(key, state, 0);
      return verdict(check, { kind: rule.kind, value: freshOf(rule, now) } as State, now, true, 0);
    case DRAW:
      if (state.kind !== BUCKET) break;
      granted = bucket.draw(state.value, rule, amount, now, { ...check, owner });
      ok = granted > 0;
      if (!ok) waitMs = bucket.wait(state.value, rule, 1, now);
      break;
    case RENEW:
      if (state.kind === 2) ok = slots.renew(state.value, rule, amount, now, { owner, seq: check.seq });
      break;
    case RELEASE:
      if (state.kind === 2) slots.release(state.value, { owner, seq: check.seq });
      break;
  }
  write(space, check, state, now);
  return { ...verdict(check, state, now, ok, waitMs), granted };
}

const freshOf = (rule: RuleNumbers, now: number): Any => algorithmOf(rule.kind).settle(undefined, rule, now);

/** All are taken or none; the refusal of a shadow rule refuses nobody, and takes nothing of its own. */
function together(space: StateSpace, group: Group, now: number, owner: string): Verdict[] {
  const states = new Map<string, State>();
  const stateOf = (check: Check): State => {
    const state = settle(states.get(check.key) ?? space.read(check.key), check, now);
    states.set(check.key, state);
    return state;
  };
  let refused = false;
  const tried = group.map((check) => {
    const { op, rule, amount, seq, key } = check;
    const algorithm = algorithmOf(rule.kind);
    const state = stateOf(check);
    const copy = { kind: state.kind, value: algorithm.copy(state.value) } as State;
    const ok =
      op === PEEK
        ? waitOf(check, copy, now) === 0
        : algorithm.take(copy.value, rule, amount, now, { owner, seq });
    const waitMs = ok ? 0 : waitOf(check, state, now);
    if (ok && op === TAKE) states.set(key, copy);
    if (!ok && rule.shadow === 0) refused = true;
    return { check, ok, waitMs };
  });
  if (refused) states.clear();
  else for (const { check } of tried) if (check.op === TAKE) write(space, check, stateOf(check), now);
  return tried.map(({ check, ok, waitMs }) => verdict(check, stateOf(check), now, ok, waitMs));
}

/** Decides one group, at one instant. */
export function decide(space: StateSpace, now: number, owner: string, group: Group): readonly Verdict[] {
  const [first] = group;
  if (first !== undefined && group.length === 1) return [single(space, first, now, owner)];
  return together(space, group, now, owner);
}
