import type { Clock, Timer } from '@infra-kit/kernel';
import { RELEASE, RENEW, type Op, type Verdict } from '../algorithms/decide.js';
import type { Permit } from '../ratelimit.provider.js';
import { LostPermitError, type RateLimitPlace } from '../ratelimit.errors.js';
import type { Request } from './request.js';

/** A permit is sure for this share of its lease after the sending of the last renewal that was acknowledged. */
const SURE_SHARE = 0.9;
const RENEWALS_A_LEASE = 3;

export interface HeldPermitOptions {
  readonly place: RateLimitPlace;
  readonly clock: Clock;
  readonly request: Request;
  readonly leaseMs: number;
  /** By the monotonic clock: when the permit was asked for. */
  readonly askedAt: number;
  readonly change: (request: Request, op: Op) => Promise<Verdict>;
  readonly ended: (permit: HeldPermit) => void;
}

/** A slot and the lease that holds it, renewed until it is released or lost. */
export class HeldPermit implements Permit {
  readonly #options: HeldPermitOptions;
  readonly #controller = new AbortController();
  #sureUntil: number;
  #timer: Timer | undefined;
  #released: Promise<void> | undefined;

  constructor(options: HeldPermitOptions) {
    this.#options = options;
    this.#sureUntil = options.askedAt + options.leaseMs * SURE_SHARE;
    this.#arm();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  /** Gives the slot back over its holder's head, and says so to the holder. */
  revoke(why: string): Promise<void> {
    this.#lose(why);
    return this.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #release(): Promise<void> {
    this.#end();
    // a slot that cannot be given back ends with its lease
    await this.#options.change(this.#options.request, RELEASE).catch(() => undefined);
  }

  #arm(): void {
    const { clock, leaseMs } = this.#options;
    const untilLost = this.#sureUntil - clock.monotonic();
    this.#timer = clock.setTimeout(
      () => this.#look(),
      Math.max(0, Math.min(leaseMs / RENEWALS_A_LEASE, untilLost)),
    );
    this.#timer.unref();
  }

  #look(): void {
    if (this.#options.clock.monotonic() >= this.#sureUntil)
      return this.#lose('its lease could not be renewed');
    void this.#renew();
    this.#arm();
  }

  async #renew(): Promise<void> {
    const { clock, change, request, leaseMs } = this.#options;
    const sentAt = clock.monotonic();
    try {
      const { ok } = await change(request, RENEW);
      if (!ok) return this.#lose('the store forgot it and gave the slot to another');
      this.#sureUntil = Math.max(this.#sureUntil, sentAt + leaseMs * SURE_SHARE);
    } catch {
      // the next renewal may arrive
    }
  }

  #lose(why: string): void {
    if (this.#released !== undefined || this.#controller.signal.aborted) return;
    this.#end();
    this.#controller.abort(new LostPermitError(this.#options.place, this.#options.request.rule.name, why));
  }

  #end(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#options.ended(this);
  }
}
