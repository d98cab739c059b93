import { isDeepStrictEqual } from 'node:util';
import type {
  Change,
  ChangeReason,
  CircuitRules,
  CircuitState,
  ClosedState,
  HalfOpenState,
  OpenState,
  Permit,
  Probe,
  Refusal,
  Tally,
} from './circuit-state.js';
import { CountWindow } from './count-window.js';
import {
  FAILED,
  SLOW,
  type Marks,
  type Now,
  type OutcomeWindow,
  type WindowShape,
} from './outcome-window.js';
import { TimeWindow } from './time-window.js';

function newWindow(shape: WindowShape): OutcomeWindow {
  return shape.type === 'count' ? new CountWindow(shape.size) : new TimeWindow(shape.ms, shape.buckets);
}

const DISABLED = { kind: 'disabled' } as const;
const ISOLATED = { kind: 'isolated' } as const;

const tallyOf = ({ calls, failures, slow }: Tally): Tally => ({ calls, failures, slow });

/**
 * The state machine of a circuit breaker (M. Nygard, "Release It!"; windows and permits after resilience4j). It decides
 * and counts; it does no I/O, holds no timer, and reads the time it is given only where time decides.
 */
export class Circuit {
  readonly #changed: (change: Change) => void;
  #rules: CircuitRules;
  #state: CircuitState;
  #notPermitted = 0;

  /** `changed` is called behind each transition, when the new state is in force. */
  constructor(rules: CircuitRules, changed: (change: Change) => void) {
    this.#rules = rules;
    this.#changed = changed;
    this.#state = this.#beginning();
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Calls turned away since the beginning or the last reset. */
  get notPermitted(): number {
    return this.#notPermitted;
  }

  /** Lets a call pass, or says why not. A permit must be handed to `settle`, however its call ends. */
  admit(now: Now): Permit | Refusal {
    const refusal = this.refusal(now);
    if (refusal) {
      this.#notPermitted++;
      return refusal;
    }
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'disabled') return state;
    if (state.kind === 'half-open') return this.#probe(state, now());
    if (state.kind === 'open') this.#halfOpen(state);
    return this.admit(now); // whoever was told of the change may have changed the state again
  }

  /** What `admit` would say to a call that it would turn away; changes nothing that can be seen. */
  refusal(now: Now): Refusal | undefined {
    const state = this.#state;
    if (state.kind === 'isolated') return { kind: 'refused', state: state.kind, retryAfterMs: undefined };
    if (state.kind === 'open') {
      const retryAfterMs = state.until - now();
      return retryAfterMs > 0 ? { kind: 'refused', state: state.kind, retryAfterMs } : undefined;
    }
    if (state.kind !== 'half-open' || state.probes.size < this.#rules.halfOpenMaxCalls) return undefined;
    return this.#allPermitsOut(state, now());
  }

  /** Turns a call away that the circuit itself would have refused as well. */
  countRefusal(): void {
    this.#notPermitted++;
  }

  /**
   * Takes a permit back. `marks` undefined: the call counts neither way. A permit of an earlier period, and of a probe
   * that was given up, changes nothing.
   */
  settle(permit: Permit, marks: Marks | undefined, now: Now): void {
    if (permit.kind === 'probe') this.#settleProbe(permit, marks, now);
    else if (permit === this.#state && permit.kind === 'closed' && marks !== undefined)
      this.#count(permit, marks, now);
  }

  /** A new beginning with zero counts, from every state. */
  reset(): void {
    this.#notPermitted = 0;
    this.#enter(this.#beginning(), 'reset');
  }

  /** Turns every call away until `reset`. */
  isolate(): void {
    if (this.#state.kind !== 'isolated') this.#enter(ISOLATED, 'isolated');
  }

  /** Opens because a quorum of the fleet sees failures; a circuit that is not closed minds its own evidence. */
  openForFleet(now: Now): void {
    if (this.#state.kind !== 'closed') return;
    this.#state.window.roll(now);
    this.#open('quorum', 1, tallyOf(this.#state.window), now());
  }

  /** New rules in place. Counts survive where the window keeps its shape; the state does in any case. */
  follow(rules: CircuitRules): void {
    const sameShape = isDeepStrictEqual(rules.window, this.#rules.window);
    this.#rules = rules;
    const { kind } = this.#state;
    if (kind === 'isolated') return;
    if (!rules.enabled && kind !== 'disabled') this.#enter(DISABLED, 'disabled');
    else if (rules.enabled && kind === 'disabled') this.#enter(this.#beginning(), 'enabled');
    else if (this.#state.kind === 'closed' && !sameShape) this.#state.window = newWindow(rules.window);
  }

  #beginning(): CircuitState {
    return this.#rules.enabled
      ? { kind: 'closed', window: newWindow(this.#rules.window), consecutiveFailures: 0 }
      : DISABLED;
  }

  #count(state: ClosedState, marks: Marks, now: Now): void {
    state.window.record(marks, now);
    if ((marks & FAILED) === 0) state.consecutiveFailures = 0;
    else state.consecutiveFailures++;
    const reason = this.#verdict(state);
    if (reason) this.#open(reason, 1, tallyOf(state.window), now());
  }

  #verdict({ window, consecutiveFailures }: ClosedState): ChangeReason | undefined {
    if (window.failures === 0 && window.slow === 0) return undefined;
    const { failureThreshold, minimumCalls, failureRate, slowCallRate } = this.#rules;
    if (failureThreshold !== undefined && consecutiveFailures >= failureThreshold)
      return 'consecutive-failures';
    if (window.calls < minimumCalls) return undefined;
    if (window.failures / window.calls >= failureRate) return 'failure-rate';
    return window.slow / window.calls >= slowCallRate ? 'slow-rate' : undefined;
  }

  /** @param at monotonic milliseconds */
  #open(reason: ChangeReason, openings: number, tally: Tally, at: number): void {
    const { openStateTimeoutMs: base, maxOpenStateTimeoutMs: max } = this.#rules;
    const openMs = max === undefined ? base : Math.min(max, base * 2 ** (openings - 1));
    const ownView = reason !== 'quorum';
    this.#enter({ kind: 'open', until: at + openMs, openings, ownView, tally }, reason);
  }

  #halfOpen({ openings }: OpenState): void {
    this.#enter({ kind: 'half-open', openings, probes: new Set(), successes: 0, slow: 0 }, 'open-time-over');
  }

  #probe(period: HalfOpenState, at: number): Probe {
    const { timeoutMs, openStateTimeoutMs } = this.#rules;
    const returnsAt = at + (timeoutMs ?? openStateTimeoutMs);
    const probe: Probe = { kind: 'probe', period, returnsAt, limited: timeoutMs !== undefined };
    period.probes.add(probe);
    return probe;
  }

  #allPermitsOut(state: HalfOpenState, at: number): Refusal | undefined {
    for (const probe of state.probes) if (isGivenUp(probe, at)) state.probes.delete(probe);
    if (state.probes.size < this.#rules.halfOpenMaxCalls) return undefined;
    const first = Math.min(...[...state.probes].map(({ returnsAt }) => returnsAt));
    return { kind: 'refused', state: state.kind, retryAfterMs: Math.max(0, first - at) };
  }

  #settleProbe(probe: Probe, marks: Marks | undefined, now: Now): void {
    const { period } = probe;
    if (period !== this.#state || !period.probes.delete(probe) || marks === undefined) return;
    const at = now();
    if (isGivenUp(probe, at)) return;
    if ((marks & SLOW) !== 0) period.slow++;
    if ((marks & FAILED) !== 0) return this.#reopen(period, 'probe-failed', at);
    period.successes++;
    if (period.successes < this.#rules.successThreshold) return;
    if (period.slow / period.successes >= this.#rules.slowCallRate)
      return this.#reopen(period, 'probes-slow', at);
    this.#enter(this.#beginning(), 'probes-succeeded');
  }

  #reopen({ openings, successes, slow }: HalfOpenState, reason: ChangeReason, at: number): void {
    const failures = reason === 'probe-failed' ? 1 : 0;
    this.#open(reason, openings + 1, { calls: successes + failures, failures, slow }, at);
  }

  #enter(state: CircuitState, reason: ChangeReason): void {
    const from = this.#state.kind;
    this.#state = state;
    if (from !== state.kind) this.#changed({ from, to: state.kind, reason });
  }
}

/** A probe without a time limit of its own that has taken as long as the circuit stays open. */
function isGivenUp({ limited, returnsAt }: Probe, at: number): boolean {
  return !limited && at >= returnsAt;
}
