import { NEVER, type Algorithm, type RuleNumbers, type Standing } from './algorithm.js';

/** Tokens that an instance has drawn and decides about by itself. Whole tokens; `until` in µs. */
export interface BucketLease {
  readonly owner: string;
  readonly seq: number;
  readonly size: number;
  until: number;
}

/**
 * A token bucket as GCRA (ITU-T I.371, its continuous-state form): what is owed at an instant, in units of which `leak`
 * come back each µs and `token` make one token. All whole numbers. The parameters are kept with it, so that what
 * was owed under a former rule is known in tokens.
 */
export interface Bucket {
  at: number;
  owed: number;
  leak: number;
  token: number;
  leases: BucketLease[];
}

const byEnd = (one: BucketLease, other: BucketLease): number =>
  one.until - other.until || (one.owner < other.owner ? -1 : 1);

const heldBy = ({ leases }: Bucket): number => {
  let held = 0;
  for (const { size } of leases) held += size;
  return held;
};

/**
 * Lets come back what came back until `now`, never below what living leases hold, piece by piece: the tokens of a lease
 * that ends come back from then on, at the rate. All at once, they would come on top of what its owner spent last.
 */
function leakUntil(state: Bucket, now: number): void {
  if (state.leases.length > 0) return leakBesideLeases(state, now);
  // where the server's clock has stepped back nothing came back
  if (now > state.at) state.owed = Math.max(0, state.owed - (now - state.at) * state.leak);
  state.at = now;
}

function leakBesideLeases(state: Bucket, now: number): void {
  if (now < state.at) {
    // the server's clock has stepped back: nothing came back, leases end when they would have
    for (const lease of state.leases) lease.until -= state.at - now;
    state.at = now;
  }
  let held = heldBy(state) * state.token;
  while (state.leases.length > 0) {
    const first = state.leases[0];
    if (first === undefined || first.until > now) break;
    const ended = Math.max(state.at, first.until);
    state.owed = Math.max(held, state.owed - (ended - state.at) * state.leak);
    state.at = ended;
    held -= first.size * state.token;
    state.leases.shift();
  }
  state.owed = Math.max(held, state.owed - (now - state.at) * state.leak);
  state.at = now;
}

/** Milliseconds until no more than `target` units are owed, if nobody takes any: the same course, looked ahead. */
function untilOwed(state: Bucket, rule: RuleNumbers, target: number): number {
  if (state.leases.length > 0) return untilOwedBesideLeases(state, rule, target);
  return Math.ceil(Math.max(0, state.owed - target) / (rule.a * 1000));
}

function untilOwedBesideLeases(state: Bucket, rule: RuleNumbers, target: number): number {
  let { at, owed } = state;
  let held = heldBy(state) * rule.b;
  for (const { size, until } of state.leases) {
    if (held <= target && at + Math.ceil((owed - target) / rule.a) <= until) break;
    const ended = Math.max(at, until);
    owed = Math.max(held, owed - (ended - at) * rule.a);
    at = ended;
    held -= size * rule.b;
  }
  return Math.ceil((at - state.at + Math.ceil(Math.max(0, owed - target) / rule.a)) / 1000);
}

const unitsOf = (amount: number, token: number): number => Math.ceil(amount * token);

export interface Draw {
  readonly owner: string;
  readonly seq: number;
  /** The lease its owner had last, and what of it is unspent; 0 where there was none. */
  readonly heldSeq: number;
  readonly rest: number;
}

/** A lease younger than the last one its owner heard of never reached it; of an older one nothing is known: it counts as spent. */
function unspentOf(former: BucketLease, heldSeq: number, rest: number): number {
  if (former.seq === heldSeq) return Math.min(rest, former.size);
  return former.seq > heldSeq ? former.size : 0;
}

export const bucket: Algorithm<Bucket> & {
  /** Ends the owner's lease, takes its rest back, and grants up to `amount` whole tokens as a new one. Answers how many. */
  draw(state: Bucket, rule: RuleNumbers, amount: number, now: number, draw: Draw): number;
} = {
  settle(state, rule, now) {
    if (state === undefined) return { at: now, owed: 0, leak: rule.a, token: rule.b, leases: [] };
    leakUntil(state, now);
    if (state.token !== rule.b) state.owed = Math.ceil((state.owed * rule.b) / state.token);
    state.leak = rule.a;
    state.token = rule.b;
    return state;
  },

  take(state, rule, amount) {
    const owed = state.owed + unitsOf(amount, rule.b);
    if (owed > rule.c) return false;
    state.owed = owed;
    return true;
  },

  wait(state, rule, amount) {
    const target = rule.c - unitsOf(amount, rule.b);
    if (target < 0) return NEVER;
    return state.owed <= target ? 0 : untilOwed(state, rule, target);
  },

  refund(state, rule, amount) {
    state.owed = Math.max(heldBy(state) * rule.b, state.owed - unitsOf(amount, rule.b));
  },

  standing(state, rule): Standing {
    return {
      remaining: Math.max(0, Math.floor((rule.c - state.owed) / rule.b)),
      resetMs: state.owed === 0 ? 0 : untilOwed(state, rule, 0),
    };
  },

  copy: (state) => ({ ...state, leases: state.leases.map((lease) => ({ ...lease })) }),

  draw(state, rule, amount, now, { owner, seq, heldSeq, rest }) {
    const at = state.leases.findIndex((lease) => lease.owner === owner);
    const former = state.leases[at];
    if (former !== undefined) {
      if (former.seq >= seq) return 0; // overtaken by a later one
      state.leases.splice(at, 1);
      const unspent = unspentOf(former, heldSeq, rest);
      state.owed = Math.max(heldBy(state) * rule.b, state.owed - Math.floor(unspent * rule.b));
    }
    const granted = Math.min(Math.floor(amount), Math.max(0, Math.floor((rule.c - state.owed) / rule.b)));
    if (granted === 0) return 0;
    state.owed += granted * rule.b;
    state.leases.push({ owner, seq, size: granted, until: now + rule.d });
    state.leases.sort(byEnd);
    return granted;
  },
};
