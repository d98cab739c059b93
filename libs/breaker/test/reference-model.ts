import type { BreakerPolicy, BreakerState } from '../src/index.js';

/** What one call was told at its start. */
export type Arrival =
  | { readonly passed: true; readonly call: ModelCall }
  | { readonly passed: false; readonly retryAfterMs: number | undefined };

export interface ModelCall {
  readonly since: number;
  readonly era: number;
  over: boolean;
}

export type Ending = 'success' | 'failure' | 'tolerated' | 'ignored' | 'cancelled' | 'timeout';

interface Outcome {
  readonly at: number;
  readonly failed: boolean;
  readonly slow: boolean;
}

const share = (outcomes: readonly Outcome[], which: (outcome: Outcome) => boolean): number =>
  outcomes.length === 0 ? 0 : outcomes.filter(which).length / outcomes.length;

/**
 * The contract written down once more, naively: lists of everything that happened, looked through from the start at
 * every question. It shares no code and no representation with the breaker.
 */
export class ReferenceModel {
  state: BreakerState = 'closed';
  now = 0;
  notPermitted = 0;
  consecutive = 0;
  openUntil = 0;
  openings = 0;
  readonly #policy: BreakerPolicy;
  #era = 0;
  #outcomes: Outcome[] = [];
  #whenOpened: Outcome[] = [];
  #probes: ModelCall[] = [];
  #good: Outcome[] = [];

  constructor(policy: BreakerPolicy) {
    this.#policy = policy;
  }

  get outcomes(): readonly Outcome[] {
    if (this.state === 'closed') return this.#recent();
    if (this.state === 'open') return this.#whenOpened;
    return this.state === 'half-open' ? this.#good : [];
  }

  /** Probes that hold a permit; those given up are taken away by the next arrival that finds none left. */
  get probes(): number {
    return this.#probes.length;
  }

  arrive(): Arrival {
    if (this.state === 'open' && this.now >= this.openUntil) this.#turn('half-open');
    if (this.state === 'half-open' && this.#probes.length >= this.#policy.halfOpenMaxCalls)
      this.#probes = this.#probes.filter((probe) => !this.#givenUp(probe));
    const full = this.state === 'half-open' && this.#probes.length >= this.#policy.halfOpenMaxCalls;
    if (full || this.state === 'open' || this.state === 'isolated') {
      this.notPermitted++;
      return { passed: false, retryAfterMs: this.#retryAfterMs() };
    }
    const call = { since: this.now, era: this.#era, over: false };
    if (this.state === 'half-open') this.#probes.push(call);
    return { passed: true, call };
  }

  end(call: ModelCall, ending: Ending): void {
    call.over = true;
    if (call.era !== this.#era) return;
    const counted = ending !== 'ignored' && ending !== 'cancelled';
    const failed = ending === 'failure' || ending === 'timeout';
    const { slowCallMs } = this.#policy;
    const slow = slowCallMs !== undefined && this.now - call.since >= slowCallMs;
    if (this.state === 'half-open') this.#endProbe(call, counted, { at: this.now, failed, slow });
    else if (this.state === 'closed' && counted) this.#count({ at: this.now, failed, slow });
  }

  reset(): void {
    this.notPermitted = 0;
    this.#turn('closed');
  }

  isolate(): void {
    if (this.state !== 'isolated') this.#turn('isolated');
  }

  #endProbe(call: ModelCall, counted: boolean, outcome: Outcome): void {
    const held = this.#probes.includes(call);
    this.#probes = this.#probes.filter((probe) => probe !== call);
    if (!held || !counted || this.#givenUp(call)) return;
    if (outcome.failed) return this.#open([...this.#good, outcome], this.openings + 1);
    this.#good.push(outcome);
    if (this.#good.length < this.#policy.successThreshold) return;
    if (this.#tooSlow(this.#good)) this.#open(this.#good, this.openings + 1);
    else this.#turn('closed');
  }

  #count(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    this.consecutive = outcome.failed ? this.consecutive + 1 : 0;
    const recent = this.#recent();
    const { failureThreshold, minimumCalls, failureRate } = this.#policy;
    const enough = recent.length >= minimumCalls;
    if (
      (failureThreshold !== undefined && this.consecutive >= failureThreshold) ||
      (enough && share(recent, ({ failed }) => failed) >= failureRate) ||
      (enough && this.#tooSlow(recent))
    )
      this.#open(recent, 1);
  }

  #tooSlow(outcomes: readonly Outcome[]): boolean {
    const { slowCallMs, slowCallRate = 1 } = this.#policy;
    return slowCallMs !== undefined && share(outcomes, ({ slow }) => slow) >= slowCallRate;
  }

  #recent(): Outcome[] {
    const { window } = this.#policy;
    if (window.type === 'count') return this.#outcomes.slice(-window.size);
    const step = window.ms / (window.buckets ?? 10);
    const oldest = Math.floor(this.now / step) - (window.buckets ?? 10);
    return this.#outcomes.filter(({ at }) => Math.floor(at / step) > oldest);
  }

  #open(outcomes: readonly Outcome[], openings: number): void {
    const { openStateTimeoutMs, maxOpenStateTimeoutMs } = this.#policy;
    let lasts = openStateTimeoutMs;
    if (maxOpenStateTimeoutMs !== undefined) {
      for (let again = 1; again < openings; again++) lasts *= 2;
      lasts = Math.min(lasts, maxOpenStateTimeoutMs);
    }
    this.#turn('open');
    this.#whenOpened = [...outcomes];
    this.openUntil = this.now + lasts;
    this.openings = openings;
  }

  #turn(to: BreakerState): void {
    this.state = to;
    this.#era++;
    this.#probes = [];
    this.#good = [];
    this.#outcomes = [];
    this.consecutive = 0;
  }

  #givenUp(probe: ModelCall): boolean {
    const { timeoutMs, openStateTimeoutMs } = this.#policy;
    return timeoutMs === undefined && this.now - probe.since >= openStateTimeoutMs;
  }

  #retryAfterMs(): number | undefined {
    if (this.state === 'isolated') return undefined;
    if (this.state === 'open') return Math.ceil(this.openUntil - this.now);
    const { timeoutMs, openStateTimeoutMs } = this.#policy;
    const first = Math.min(...this.#probes.map(({ since }) => since));
    return Math.ceil(Math.max(0, first + (timeoutMs ?? openStateTimeoutMs) - this.now));
  }
}
