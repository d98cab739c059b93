import { NEVER, type Algorithm } from './algorithm.js';

/**
 * A sliding window as two counters: what the present window took, and what the one before did, which counts by the
 * share of it that the sliding window still covers. Amounts in thousandths, times in ms.
 */
export interface Window {
  /** When the present window began: a multiple of its length. */
  start: number;
  lengthMs: number;
  before: number;
  count: number;
}

const units = (amount: number): number => Math.ceil(amount * 1000);
const startOf = (ms: number, lengthMs: number): number => Math.floor(ms / lengthMs) * lengthMs;
/** Weighted sum, times the length of the window. */
const weight = ({ start, lengthMs, before, count }: Window, ms: number): number =>
  before * (lengthMs - (ms - start)) + count * lengthMs;

function slide(state: Window, ms: number): void {
  if (ms < state.start) {
    // the server's clock has stepped back: all that is known counts for the window that is now
    state.count += state.before;
    state.before = 0;
  } else if (ms >= state.start + 2 * state.lengthMs) {
    state.before = 0;
    state.count = 0;
  } else if (ms >= state.start + state.lengthMs) {
    state.before = state.count;
    state.count = 0;
  }
  state.start = startOf(ms, state.lengthMs);
}

const msOf = (now: number): number => Math.floor(now / 1000);

export const window: Algorithm<Window> = {
  settle(state, rule, now) {
    const ms = msOf(now);
    if (state === undefined) return { start: startOf(ms, rule.b), lengthMs: rule.b, before: 0, count: 0 };
    slide(state, ms);
    if (state.lengthMs !== rule.b) {
      state.count = Math.ceil(weight(state, ms) / state.lengthMs);
      state.before = 0;
      state.lengthMs = rule.b;
      state.start = startOf(ms, rule.b);
    }
    return state;
  },

  take(state, rule, amount, now) {
    const wanted = units(amount);
    if (weight(state, msOf(now)) + wanted * rule.b > rule.a * rule.b) return false;
    state.count += wanted;
    return true;
  },

  wait(state, rule, amount, now) {
    const wanted = units(amount);
    const passed = msOf(now) - state.start;
    const length = rule.b;
    if (wanted > rule.a) return NEVER;
    if (weight(state, msOf(now)) + wanted * length <= rule.a * length) return 0;
    // in this window, once enough of the one before is behind
    const room = rule.a - state.count - wanted;
    if (room >= 0) return length - Math.floor((room * length) / state.before) - passed;
    // in the next, where this one is the one before
    return length - passed + Math.max(0, length - Math.floor(((rule.a - wanted) * length) / state.count));
  },

  refund(state, _rule, amount) {
    const given = units(amount);
    const now = Math.min(given, state.count);
    state.count -= now;
    state.before = Math.max(0, state.before - (given - now));
  },

  standing(state, rule, now) {
    const ms = msOf(now);
    const left = state.start + rule.b - ms;
    const free = rule.a * rule.b - weight(state, ms);
    return {
      remaining: Math.max(0, Math.floor(free / rule.b / 1000)),
      resetMs: state.count > 0 ? left + rule.b : state.before > 0 ? left : 0,
    };
  },

  copy: (state) => ({ ...state }),
};
