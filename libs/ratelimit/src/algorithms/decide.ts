import {
  BUCKET,
  SLOTS,
  WINDOW,
  type Algorithm,
  type AlgorithmKind,
  type Holder,
  type RuleNumbers,
} from './algorithm.js';
import { bucket, type Bucket } from './bucket.js';
import { slots, type Slots } from './slots.js';
import { window, type Window } from './window.js';

export type State =
  | { readonly kind: 0; readonly value: Bucket }
  | { readonly kind: 1; readonly value: Window }
  | { readonly kind: 2; readonly value: Slots };

/** Where states are while decisions are made. A state that was read may be changed in place: it is written, or put back. */
export interface StateSpace<C extends Check> {
  read(check: C): State | undefined;
  /** `ttlMs` 0: it means nothing any more and may go. */
  write(check: C, state: State, ttlMs: number): void;
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

const copied = ({ kind, value }: State): State => ({ kind, value: algorithmOf(kind).copy(value) }) as State;

function verdict({ rule }: Check, { value }: State, now: number, ok: boolean, waitMs: number): Verdict {
  const { remaining, resetMs } = algorithmOf(rule.kind).standing(value, rule, now);
  return { ok, remaining, waitMs, resetMs, granted: 0 };
}

function waitOf({ rule, amount }: Check, { value }: State, now: number): number {
  return algorithmOf(rule.kind).wait(value, rule, amount, now);
}

const NOBODY: Holder = { owner: '', seq: 0 };

/** Slots alone ask who holds them. */
function holderOf({ rule, seq }: Check, owner: string): Holder {
  return rule.kind === SLOTS ? { owner, seq } : NOBODY;
}

/**
 * A TAKE that stands alone: what nearly every decision is. By a known bucket it calls that algorithm by name: a call that
 * serves all of them costs each a fifth more.
 */
export function takeOne<C extends Check>(
  space: StateSpace<C>,
  now: number,
  owner: string,
  check: C,
): Verdict {
  const state = space.read(check);
  const { rule, amount } = check;
  if (state?.kind !== BUCKET || rule.kind !== BUCKET) return takeAny(space, now, owner, check);
  const { value } = state;
  bucket.settle(value, rule, now);
  const ok = bucket.take(value, rule, amount, now, NOBODY);
  const waitMs = ok ? 0 : bucket.wait(value, rule, amount, now);
  const { remaining, resetMs } = bucket.standing(value, rule, now);
  space.write(check, state, resetMs);
  return { ok, remaining, waitMs, resetMs, granted: 0 };
}

/** Apart, so that what a known bucket needs stays small enough to be compiled into its callers. */
function takeAny<C extends Check>(space: StateSpace<C>, now: number, owner: string, check: C): Verdict {
  const state = settle(space.read(check), check, now);
  const { rule, amount } = check;
  const algorithm = algorithmOf(rule.kind);
  const ok = algorithm.take(state.value, rule, amount, now, holderOf(check, owner));
  const waitMs = ok ? 0 : algorithm.wait(state.value, rule, amount, now);
  const { remaining, resetMs } = algorithm.standing(state.value, rule, now);
  space.write(check, state, resetMs);
  return { ok, remaining, waitMs, resetMs, granted: 0 };
}

/** A check that stands alone. */
export function decideOne<C extends Check>(
  space: StateSpace<C>,
  now: number,
  owner: string,
  check: C,
): Verdict {
  const { op, rule, amount } = check;
  if (op === TAKE) return takeOne(space, now, owner, check);
  const algorithm = algorithmOf(rule.kind);
  const found = space.read(check);
  // who only looks changes nothing, not even the shape in which a changed rule will find the account
  const state = settle(op === PEEK ? found && copied(found) : found, check, now);
  const { value } = state;
  let ok = true;
  let waitMs = 0;
  let granted = 0;
  switch (op) {
    case PEEK:
      waitMs = algorithm.wait(value, rule, amount, now);
      return verdict(check, state, now, waitMs === 0, waitMs);
    case REFUND:
      algorithm.refund(value, rule, amount);
      break;
    case RESET:
      space.write(check, state, 0);
      return verdict(check, { kind: rule.kind, value: freshOf(rule, now) } as State, now, true, 0);
    case DRAW:
      if (state.kind !== BUCKET) break;
      granted = bucket.draw(state.value, rule, amount, now, { ...check, owner });
      ok = granted > 0;
      if (!ok) waitMs = bucket.wait(state.value, rule, 1, now);
      break;
    case RENEW:
      if (state.kind === SLOTS) ok = slots.renew(state.value, rule, amount, now, { owner, seq: check.seq });
      break;
    case RELEASE:
      if (state.kind === SLOTS) slots.release(state.value, { owner, seq: check.seq });
      break;
  }
  const { remaining, resetMs } = algorithm.standing(value, rule, now);
  space.write(check, state, resetMs);
  return { ok, remaining, waitMs, resetMs, granted };
}

const freshOf = (rule: RuleNumbers, now: number): Any => algorithmOf(rule.kind).settle(undefined, rule, now);

/** All are taken or none; the refusal of a shadow rule refuses nobody, and takes nothing of its own. */
function together<C extends Check>(
  space: StateSpace<C>,
  group: readonly C[],
  now: number,
  owner: string,
): Verdict[] {
  const states = new Map<string, State>();
  const stateOf = (check: C): State => {
    const state = settle(states.get(check.key) ?? space.read(check), check, now);
    states.set(check.key, state);
    return state;
  };
  // when all would fit together: by what an account was before, and what the checks so far have taken of it
  const before = new Map<string, State>();
  const taken = new Map<string, number>();
  let refused = false;
  const tried = group.map((check) => {
    const { op, rule, amount, key } = check;
    const algorithm = algorithmOf(rule.kind);
    const state = stateOf(check);
    const copy = copied(state);
    const ok =
      op === PEEK
        ? waitOf(check, copy, now) === 0
        : algorithm.take(copy.value, rule, amount, now, holderOf(check, owner));
    const origin = before.get(key) ?? state;
    before.set(key, origin);
    const sum = (taken.get(key) ?? 0) + amount;
    let waitMs = 0;
    if (ok && op === TAKE) {
      states.set(key, copy);
      taken.set(key, sum);
    } else if (!ok) {
      waitMs = waitOf({ ...check, amount: sum }, settle(copied(origin), check, now), now);
    }
    if (!ok && rule.shadow === 0) refused = true;
    return { check, ok, waitMs };
  });
  if (refused) states.clear();
  else
    for (const { check } of tried) {
      if (check.op !== TAKE) continue;
      const state = stateOf(check);
      const { resetMs } = algorithmOf(check.rule.kind).standing(state.value, check.rule, now);
      space.write(check, state, resetMs);
    }
  return tried.map(({ check, ok, waitMs }) => verdict(check, stateOf(check), now, ok, waitMs));
}

/** Decides one group, at one instant. */
export function decide<C extends Check>(
  space: StateSpace<C>,
  now: number,
  owner: string,
  group: readonly C[],
): readonly Verdict[] {
  const [first] = group;
  if (first !== undefined && group.length === 1) return [decideOne(space, now, owner, first)];
  return together(space, group, now, owner);
}
