import type { OutcomeWindow, WindowShape } from './outcome-window.js';

/** What a circuit goes by: the part of a policy that decides, with nothing left open. */
export interface CircuitRules {
  readonly enabled: boolean;
  readonly window: WindowShape;
  readonly minimumCalls: number;
  readonly failureRate: number;
  readonly failureThreshold?: number | undefined;
  readonly slowCallRate: number;
  readonly openStateTimeoutMs: number;
  readonly maxOpenStateTimeoutMs?: number | undefined;
  readonly halfOpenMaxCalls: number;
  readonly successThreshold: number;
  readonly timeoutMs?: number | undefined;
}

export interface Tally {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

/** Calls pass and are counted. */
export interface ClosedState {
  readonly kind: 'closed';
  window: OutcomeWindow;
  consecutiveFailures: number;
}

/** Calls are turned away until `until` (monotonic milliseconds); the first one after it begins the half-open state. */
export interface OpenState {
  readonly kind: 'open';
  readonly until: number;
  /** How often it has opened since it was last closed; at least 1. */
  readonly openings: number;
  /** True when this process itself saw the failures; false when the fleet said so. */
  readonly ownView: boolean;
  /** What was counted when it opened. */
  readonly tally: Tally;
}

/** A few calls pass as probes. */
export interface HalfOpenState {
  readonly kind: 'half-open';
  readonly openings: number;
  /** Those that hold a permit, oldest first. */
  readonly probes: Set<Probe>;
  successes: number;
  slow: number;
}

/** Every call is turned away until `reset`. */
export interface IsolatedState {
  readonly kind: 'isolated';
}

/** Calls pass uncounted. */
export interface DisabledState {
  readonly kind: 'disabled';
}

/** One period of a circuit. A new object each time: its identity is the generation that results are held against. */
export type CircuitState = ClosedState | OpenState | HalfOpenState | IsolatedState | DisabledState;
export type CircuitStateKind = CircuitState['kind'];

/** A call of the half-open state, and the permit it holds. */
export interface Probe {
  readonly kind: 'probe';
  readonly period: HalfOpenState;
  /** When its permit goes back at the latest: by its time limit as a failure, else uncounted. Monotonic. */
  readonly returnsAt: number;
  /** Without a time limit nobody will report it: its permit is taken back. */
  readonly limited: boolean;
}

/** What a call that was let through holds: the period it belongs to, or its place among the probes. */
export type Permit = ClosedState | DisabledState | Probe;

/** A call that was turned away. */
export interface Refusal {
  readonly kind: 'refused';
  readonly state: 'open' | 'half-open' | 'isolated';
  /** Milliseconds after which a call may pass; undefined when only `reset` helps. */
  readonly retryAfterMs: number | undefined;
}

export type ChangeReason =
  | 'failure-rate'
  | 'slow-rate'
  | 'consecutive-failures'
  | 'quorum'
  | 'open-time-over'
  | 'probes-succeeded'
  | 'probe-failed'
  | 'probes-slow'
  | 'isolated'
  | 'reset'
  | 'disabled'
  | 'enabled';

export interface Change {
  readonly from: CircuitStateKind;
  readonly to: CircuitStateKind;
  readonly reason: ChangeReason;
}
