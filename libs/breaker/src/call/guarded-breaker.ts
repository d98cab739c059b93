import type { CallOptions } from '@infra-kit/kernel';
import {
  BreakerTimeoutError,
  BulkheadFullError,
  closedError,
  invalidArgument,
  refusalError,
  type BreakerOpenError,
} from '../breaker.errors.js';
import type { SettledPolicy } from '../breaker.policy.js';
import type { Breaker, BreakerCallOptions, BreakerEvent, BreakerSnapshot } from '../breaker.provider.js';
import { callsCounter, durationHistogram, type BreakerOutcome } from '../breaker.telemetry.js';
import type { Change, CircuitStateKind, ClosedState, Permit, Refusal } from '../circuit/circuit-state.js';
import { Circuit } from '../circuit/circuit.js';
import { FAILED, SLOW } from '../circuit/outcome-window.js';
import type { BreakerHost } from './breaker-host.js';
import { CallLimit } from './call-limit.js';
import { callProblem } from './call-problem.js';
import { classify, classifyByDefault, type Judge, type Verdict } from './classify.js';
import { Lane, type LaneOwner } from './lane.js';
import { snapshotOf } from './snapshot.js';
import { StateListeners } from './state-listeners.js';
import { fetchThrough } from './wrap-fetch.js';

type Guarded<T> = (signal: AbortSignal) => Promise<T>;

/** A call on its way. */
interface Passage {
  readonly permit: Permit;
  readonly limit: CallLimit;
  /** Monotonic; undefined where nobody asks how long it takes. */
  readonly startedAt: number | undefined;
}

const settled = Promise.resolve();

/**
 * Rejects one turn later, when the caller's handler is attached: a promise that is rejected without one is reported to
 * the process and taken back, which costs more than all the rest.
 */
function rejected(error: Error): Promise<never> {
  return settled.then(() => {
    throw error;
  });
}

/** Circuit, limits, classification and telemetry around calls. */
export class GuardedBreaker implements Breaker, LaneOwner {
  readonly name: string;
  /** Whether it was used since somebody looked last: calls read no clock to say when. */
  used = false;
  readonly #host: BreakerHost;
  readonly #circuit: Circuit;
  #policy: SettledPolicy;
  #lane: Lane | undefined;
  /** The latest of the state in force. */
  #refusal: BreakerOpenError | undefined;
  #listeners: StateListeners | undefined;
  #inFlight = 0;

  constructor(name: string, policy: SettledPolicy, host: BreakerHost) {
    this.name = name;
    this.#host = host;
    this.#policy = policy;
    this.#circuit = new Circuit(policy, (change) => this.#changed(change));
  }

  get state(): CircuitStateKind {
    return this.#circuit.state.kind;
  }

  get policy(): SettledPolicy {
    return this.#policy;
  }

  /** Closed, with no failure to remember and nobody listening: nothing is lost with it. */
  get idle(): boolean {
    const { state } = this.#circuit;
    if (state.kind !== 'closed' || (this.#listeners?.size ?? 0) > 0) return false;
    state.window.roll(this.#host.now);
    return state.window.failures === 0 && state.window.slow === 0;
  }

  /** A mark of use. The first since somebody looked is told: it may be held weakly by then, and now has more to lose. */
  touch(): void {
    if (this.used) return;
    this.used = true;
    this.#host.woken(this.name);
  }

  execute<T>(fn: Guarded<T>, options?: BreakerCallOptions<T>): Promise<T> {
    if (options !== undefined || typeof fn !== 'function' || !this.#host.quiet) return this.run(fn, options);
    const lane = this.#lane ?? this.#openLane();
    return lane === undefined ? this.run(fn, options) : lane.run(fn);
  }

  wrapFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
    return (input, init) => fetchThrough(this, fetch, input, init);
  }

  snapshot(): BreakerSnapshot {
    this.#checkOpen();
    return this.#snapshot();
  }

  reset(): void {
    this.#checkOpen();
    this.#circuit.reset();
    this.#lane = undefined; // calls under way are of the period before, also where closed follows closed
  }

  isolate(): void {
    this.#checkOpen();
    this.#circuit.isolate();
  }

  onStateChange(listener: (event: BreakerEvent) => void): Disposable {
    this.#checkOpen();
    this.touch();
    this.#listeners ??= new StateListeners(this.#host.logger);
    return this.#listeners.add(listener);
  }

  follow(policy: SettledPolicy): void {
    if (policy === this.#policy) return;
    this.#policy = policy;
    this.#lane = undefined;
    this.#circuit.follow(policy);
  }

  openForFleet(): void {
    this.#circuit.openForFleet(this.#host.now);
  }

  /** Milliseconds for which this process, by what it saw itself, will keep it open; 0 when it is not. */
  get ownOpenMs(): number {
    const { state } = this.#circuit;
    return state.kind === 'open' && state.ownView ? Math.max(0, state.until - this.#host.now()) : 0;
  }

  /** `execute` with every care; `judge` finds failures among values. */
  run<T>(fn: Guarded<T>, options?: BreakerCallOptions<T>, judge?: Judge<T>): Promise<T> {
    const host = this.#host;
    if (host.closed) return rejected(closedError(host.place));
    const problem = callProblem(fn, options);
    if (problem !== undefined) return rejected(invalidArgument(host.place, `'${this.name}': ${problem}`));
    this.touch();
    const permit = this.#admit();
    if (permit instanceof Error) return turnedAway(permit, options);
    const limit = this.#limit(options);
    const late = limit.before();
    if (late) {
      this.#circuit.settle(permit, undefined, host.now);
      this.#measure(limit.cancelled ? 'cancelled' : 'timeout', undefined);
      return limit.cancelled ? rejected(late) : turnedAway(late, options);
    }
    const timed = this.#policy.slowCallMs !== undefined || host.meter.on;
    return this.#conduct(fn, { permit, limit, startedAt: timed ? host.now() : undefined }, options, judge);
  }

  /** An answer of a server counts by its status. */
  judgeResponse(response: Response): Verdict | 'success' {
    return response.status < 400 ? 'success' : this.#verdict(response);
  }

  laneSucceeded(period: ClosedState): void {
    this.#circuit.settle(period, 0, this.#host.now);
  }

  laneFailed(period: ClosedState, error: unknown): void {
    this.#settle(period, this.#verdict(error), 0);
  }

  async #conduct<T>(
    fn: Guarded<T>,
    passage: Passage,
    options: BreakerCallOptions<T> | undefined,
    judge: Judge<T> | undefined,
  ): Promise<T> {
    this.#inFlight++;
    let value: T;
    try {
      value = await passage.limit.run(fn);
    } catch (error) {
      const verdict = this.#failed(passage, error);
      if (verdict !== 'failure' || options?.fallback === undefined) throw error;
      return options.fallback(error);
    }
    const verdict = judge?.(value) ?? 'success';
    this.#ended(passage, verdict, verdict);
    return value;
  }

  #failed(passage: Passage, error: unknown): Verdict {
    const { timedOut, cancelled } = passage.limit;
    const verdict = timedOut ? 'failure' : cancelled ? 'ignored' : this.#verdict(error);
    this.#ended(passage, verdict, timedOut ? 'timeout' : cancelled ? 'cancelled' : verdict);
    return verdict;
  }

  #ended({ permit, startedAt }: Passage, verdict: Verdict | 'success', outcome: BreakerOutcome): void {
    this.#inFlight--;
    const durationMs = startedAt === undefined ? undefined : this.#host.now() - startedAt;
    const { slowCallMs } = this.#policy;
    const slow = slowCallMs !== undefined && durationMs !== undefined && durationMs >= slowCallMs;
    this.#settle(permit, verdict, slow ? SLOW : 0);
    this.#measure(outcome, durationMs);
  }

  #settle(permit: Permit, verdict: Verdict | 'success', slow: number): void {
    this.touch();
    const marks = verdict === 'ignored' ? undefined : verdict === 'failure' ? FAILED | slow : slow;
    this.#circuit.settle(permit, marks, this.#host.now);
  }

  /** A predicate of the policy that throws does not replace the call's own error. */
  #verdict(error: unknown): Verdict {
    try {
      return classify(error, this.#policy);
    } catch (thrown) {
      this.#host.logger.error('isFailure or isIgnored of a breaker threw', {
        breaker: this.name,
        err: thrown,
      });
      return classifyByDefault(error);
    }
  }

  #admit(): Permit | Error {
    const { now } = this.#host;
    const { maxConcurrent = Infinity } = this.#policy;
    const circuit = this.#circuit;
    if (this.#inFlight >= maxConcurrent && circuit.refusal(now) === undefined) {
      this.#measure('full', undefined);
      return new BulkheadFullError(this.#host.place, this.name, maxConcurrent);
    }
    const admission = circuit.admit(now);
    return admission.kind === 'refused' ? this.#refused(admission) : admission;
  }

  /** Callers that are turned away within one millisecond share the error: making one costs as much as all the rest. */
  #refused({ state, retryAfterMs: exactMs }: Refusal): BreakerOpenError {
    this.#measure('rejected', undefined);
    const retryAfterMs = exactMs && Math.ceil(exactMs);
    if (this.#refusal === undefined || this.#refusal.retryAfterMs !== retryAfterMs)
      this.#refusal = refusalError(this.#host.place, this.name, { state, retryAfterMs });
    return this.#refusal;
  }

  #limit(options: CallOptions | undefined): CallLimit {
    const { clock, place } = this.#host;
    const errors = {
      operation: `breaker(${this.name}).execute`,
      timedOut: (limitMs: number) => new BreakerTimeoutError(place, this.name, limitMs),
    };
    return new CallLimit(options, this.#policy.timeoutMs, { clock, errors });
  }

  #measure(outcome: BreakerOutcome, durationMs: number | undefined): void {
    if (!this.#host.meter.on) return;
    const labels = { breaker: this.name, provider: this.#host.place.name, outcome };
    callsCounter.add(1, labels);
    if (durationMs !== undefined) durationHistogram.record(durationMs / 1000, labels);
  }

  /** Calls of a closed breaker that nothing limits, times or counts one by one share all they need. */
  #openLane(): Lane | undefined {
    const { state } = this.#circuit;
    const { slowCallMs, timeoutMs, maxConcurrent } = this.#policy;
    const plain = slowCallMs === undefined && timeoutMs === undefined && maxConcurrent === undefined;
    this.#lane = plain && state.kind === 'closed' ? new Lane(this, state) : undefined;
    return this.#lane;
  }

  #changed(change: Change): void {
    this.touch();
    this.#lane = undefined;
    this.#refusal = undefined;
    const event = { name: this.name, ...change, snapshot: this.#snapshot() };
    this.#host.changed(event, this);
    this.#listeners?.tell(event);
  }

  #snapshot(): BreakerSnapshot {
    const inFlight = this.#policy.maxConcurrent === undefined ? undefined : this.#inFlight;
    return snapshotOf(this.#circuit, this.#host.clock, inFlight);
  }

  #checkOpen(): void {
    if (this.#host.closed) throw closedError(this.#host.place);
  }
}

/** The fallback's answer, else the error. */
function turnedAway<T>(error: Error, options: BreakerCallOptions<T> | undefined): Promise<T> {
  const fallback = options?.fallback;
  return fallback === undefined ? rejected(error) : settled.then(() => fallback(error));
}
