import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';
import type { BreakerPolicyOptions } from './breaker.policy.js';
import type { ChangeReason, CircuitStateKind } from './circuit/circuit-state.js';

export type BreakerState = CircuitStateKind;
/** Why a breaker changed its state. */
export type BreakerChangeReason = ChangeReason;

/** A breaker at one moment. Rates and counts are those of the window; of an open breaker those that opened it. */
export interface BreakerSnapshot {
  readonly state: BreakerState;
  /** In [0, 1]; 0 without calls. */
  readonly failureRate: number;
  readonly slowRate: number;
  /** Counted outcomes; half-open: successful probes of the period. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  readonly consecutiveFailures: number;
  /** Calls turned away since the beginning or the last reset. */
  readonly notPermitted: number;
  /** Open: epoch milliseconds after which a call becomes a probe. */
  readonly openUntil?: number;
  /** Open or half-open: how often it has opened since it was last closed. */
  readonly openings?: number;
  /** Half-open: probes in flight. */
  readonly probes?: number;
  /** With `maxConcurrent`: calls in flight. */
  readonly inFlight?: number;
}

export interface BreakerEvent {
  readonly name: string;
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: BreakerChangeReason;
  /** Taken just after the change. */
  readonly snapshot: BreakerSnapshot;
}

export interface BreakerCallOptions<T> extends CallOptions {
  /** Answers in place of the call when the breaker is open or full, when the call timed out, and for a counted failure. */
  readonly fallback?: ((error: unknown) => T | Promise<T>) | undefined;
}

/**
 * One circuit breaker. Calls may be made at any time, from anywhere; what is decided is decided in one turn.
 *
 * - **closed**: calls pass and are counted. **open**: calls are refused with `BreakerOpenError`. After the open time the
 *   next call makes it **half-open**: some probes pass, and decide. **isolated**: refused until `reset`.
 *   **disabled**: all pass, uncounted.
 * - A result counts for the period in which its call began, or not at all.
 */
export interface Breaker {
  readonly name: string;
  /** Stays 'open' until the first call after the open time. */
  readonly state: BreakerState;
  /**
   * Calls `fn` unless the breaker refuses. An error of `fn` comes out as the same object.
   * `fn` gets a signal of its own, never used before: it aborts by `timeoutMs` (the policy's, the call's, the ambient
   * deadline: the nearest), and with the caller's signals. A function that declares no parameter gets none unless there is
   * a time limit. `BreakerOpenError`, `BreakerTimeoutError`, `BulkheadFullError`; CANCELLED when a caller's signal aborts:
   * promptly, also when `fn` hangs.
   */
  execute<T>(fn: (signal: AbortSignal) => Promise<T>, options?: BreakerCallOptions<T>): Promise<T>;
  /** A `fetch` behind this breaker: answers of 500 and more count as failures, and are handed on as they are. */
  wrapFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  snapshot(): BreakerSnapshot;
  /** A new beginning: closed (or disabled by policy), nothing counted. Calls in flight will not be counted. */
  reset(): void;
  /** Refuses every call until `reset`. */
  isolate(): void;
  /** Called behind each change, in order. What a listener throws is logged, and hurts nobody. */
  onStateChange(listener: (event: BreakerEvent) => void): Disposable;
}

/**
 * The circuit breakers of a service, by name: type, injection token and documentation of the component.
 *
 * - Policies merge field by field: the configuration's `default`, its `policies[name]`, then what `get` is given.
 * - No timer is held for a breaker. One that is unused for `idleMs`, closed, without a failure in its window and without
 *   listeners, is forgotten (a breaker that somebody holds on to stays the one of its name).
 * - INVALID_ARGUMENT for a bad policy, naming every bad field. FAILED_PRECONDITION after `close`.
 */
export abstract class BreakerProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** The breaker of that name, made when there is none. A policy that is given takes the place of one given before. */
  abstract get(name: string, policy?: BreakerPolicyOptions): Breaker;
  /** Those that are remembered, in the order in which they were made. */
  abstract all(): Breaker[];
  /** `degraded` while a breaker is not closed, or while `share` cannot reach its cache. Never throws. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Idempotent. Calls in flight end by themselves. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
