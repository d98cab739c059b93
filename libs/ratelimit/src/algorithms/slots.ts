import { NEVER, type Algorithm, type Holder, type RuleNumbers } from './algorithm.js';

/** A slot in use, until its holder releases it or dies. `until` in µs. */
export interface Slot {
  readonly id: string;
  until: number;
}

/** A limit on how many at once: leases that their holders renew. */
export interface Slots {
  held: Slot[];
}

/** A slot that only its time gives back. */
const ANONYMOUS = '-';
/** When a slot comes free nobody knows: its holder may release it at any moment. Nobody need wait longer to look again. */
const LOOK_AGAIN_MS = 1000;

const idOf = ({ owner, seq }: Holder): string => (seq === 0 ? ANONYMOUS : `${owner}.${seq.toFixed(0)}`);

export const slots: Algorithm<Slots> & {
  /** Makes a permit last from now on again; takes its slot again when it was lost and one is free. */
  renew(state: Slots, rule: RuleNumbers, amount: number, now: number, holder: Holder): boolean;
  release(state: Slots, holder: Holder): void;
} = {
  settle(state, rule, now) {
    if (state === undefined) return { held: [] };
    state.held = state.held.filter(({ until }) => until > now);
    // a clock that stepped back, or a rule with a shorter lease
    for (const slot of state.held) slot.until = Math.min(slot.until, now + rule.b);
    return state;
  },

  take(state, rule, amount, now, holder) {
    const wanted = Math.ceil(amount);
    if (state.held.length + wanted > rule.a) return false;
    const id = idOf(holder);
    for (let one = 0; one < wanted; one++) state.held.push({ id, until: now + rule.b });
    return true;
  },

  wait(state, rule, amount, now) {
    const wanted = Math.ceil(amount);
    if (wanted > rule.a) return NEVER;
    const missing = state.held.length + wanted - rule.a;
    if (missing <= 0) return 0;
    const ends = state.held.map(({ until }) => until).toSorted((one, other) => one - other);
    return Math.min(LOOK_AGAIN_MS, Math.ceil(((ends[missing - 1] ?? now) - now) / 1000));
  },

  refund(state, _rule, amount) {
    for (let one = 0; one < Math.ceil(amount); one++) {
      const at = state.held.findIndex(({ id }) => id === ANONYMOUS);
      if (at < 0) return;
      state.held.splice(at, 1);
    }
  },

  standing(state, rule, now) {
    let last = now;
    for (const { until } of state.held) last = Math.max(last, until);
    return { remaining: Math.max(0, rule.a - state.held.length), resetMs: Math.ceil((last - now) / 1000) };
  },

  copy: ({ held }) => ({ held: held.map((slot) => ({ ...slot })) }),

  renew(state, rule, amount, now, holder) {
    const id = idOf(holder);
    const own = state.held.filter((slot) => slot.id === id);
    for (const slot of own) slot.until = now + rule.b;
    return own.length > 0 || slots.take(state, rule, amount, now, holder);
  },

  release(state, holder) {
    const id = idOf(holder);
    state.held = state.held.filter((slot) => slot.id !== id);
  },
};
