import { InfraContext } from '../context/infra-context.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { LockLostError } from '../ports/lock.js';

/** Of the ttl, what a holder believes in. Not the 0.9 that are promised: a timer comes late, never early. */
const BELIEVED = 0.85;
const RENEWALS_A_TTL = 3;
/** A renewal that failed is tried again after this part of the ttl. */
const RETRIES_A_TTL = 10;

export interface LeaseTerms {
  readonly clock: Clock;
  /** Milliseconds the store keeps the lease after each renewal. */
  readonly ttlMs: number;
  /** `clock.monotonic()` from right before the call that granted the lease was sent. */
  readonly sentAt: number;
  /**
   * Extends the lease by `ttlMs` from now. True: acknowledged. False: the store says it is ours no more. A rejection
   * leaves that open and is tried again. Called every third of the ttl, outside any request's context, and never while
   * a former call has not settled; so it must reject when `signal` aborts: after a third of the ttl, or at the end.
   */
  readonly renew: (signal: AbortSignal) => Promise<boolean>;
  /** Makes the reason of `signal`; `cause` is why the last renewal failed, if it did. */
  readonly lost: (why: string, cause: unknown) => LockLostError;
}

/**
 * A lease as its holder may believe in it: until 0.85 ttl after the *sending* of the last acknowledged renewal, by the
 * monotonic clock, since the store counts from a later moment. Renews itself until it is stopped or lost; what is lost
 * stays lost. Does not keep the process alive. See M. Burrows, The Chubby lock service, OSDI 2006, 2.8.
 */
export class HeldLease {
  readonly #terms: LeaseTerms;
  readonly #controller = new AbortController();
  #stage: 'held' | 'lost' | 'stopped' = 'held';
  #until: number;
  #renewal: Timer | undefined;
  #end: Timer | undefined;
  #attempt: AbortController | undefined;
  #failure: unknown;

  constructor(terms: LeaseTerms) {
    this.#terms = terms;
    this.#until = terms.sentAt + terms.ttlMs * BELIEVED;
    InfraContext.detach(() => {
      this.#watchEnd();
      this.#renewAt(terms.sentAt + terms.ttlMs / RENEWALS_A_TTL);
    });
  }

  /** Aborts with what `lost` made, once; looking at it is enough after the process was stopped. Not by `stop`. */
  get signal(): AbortSignal {
    this.remainingMs();
    return this.#controller.signal;
  }

  get lost(): boolean {
    return this.signal.aborted;
  }

  /** Milliseconds it is still surely held; ≤ 0 when lost or stopped. Asks the clock, not a timer. */
  remainingMs(): number {
    if (this.#stage !== 'held') return 0;
    const left = this.#until - this.#terms.clock.monotonic();
    if (left <= 0) this.lose('no renewal was acknowledged in time');
    return left;
  }

  /** Ends renewals, before the lease is given back. Idempotent. */
  stop(): void {
    if (this.#stage === 'held') this.#stage = 'stopped';
    this.#renewal?.[Symbol.dispose]();
    this.#end?.[Symbol.dispose]();
    this.#attempt?.abort(new Error('the lease was given back'));
  }

  /** Loses it now, for an owner that gives it back while its holder still counts on it. Idempotent; not after `stop`. */
  lose(why: string): void {
    if (this.#stage !== 'held') return;
    this.#stage = 'lost';
    this.stop();
    this.#controller.abort(this.#terms.lost(why, this.#failure));
  }

  #after(ms: number, fn: () => void): Timer {
    const timer = this.#terms.clock.setTimeout(fn, Math.max(0, ms));
    timer.unref();
    return timer;
  }

  /** One timer for the whole life: renewals move the end on, and it looks again. */
  #watchEnd(): void {
    const left = this.remainingMs();
    if (left > 0) this.#end = this.#after(left, () => this.#watchEnd());
  }

  #renewAt(at: number): void {
    if (this.remainingMs() <= 0) return;
    this.#renewal = this.#after(at - this.#terms.clock.monotonic(), () => void this.#renew());
  }

  /** Never rejects. */
  async #renew(): Promise<void> {
    if (this.remainingMs() <= 0) return;
    const { clock, ttlMs, renew } = this.#terms;
    const sentAt = clock.monotonic();
    const attempt = new AbortController();
    this.#attempt = attempt;
    const limit = this.#after(ttlMs / RENEWALS_A_TTL, () =>
      attempt.abort(new Error('no answer within a third of the ttl')),
    );
    try {
      if (!(await renew(attempt.signal))) return this.lose('the store holds it for us no more');
      this.#until = sentAt + ttlMs * BELIEVED;
      this.#failure = undefined;
      this.#renewAt(sentAt + ttlMs / RENEWALS_A_TTL);
    } catch (error) {
      this.#failure = error;
      this.#renewAt(clock.monotonic() + ttlMs / RETRIES_A_TTL);
    } finally {
      limit[Symbol.dispose]();
    }
  }
}
