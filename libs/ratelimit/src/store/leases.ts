import type { Clock } from '@infra-kit/kernel';
import { NEVER } from '../algorithms/algorithm.js';
import { DRAW, type Group, type Verdict } from '../algorithms/decide.js';
import type { CompiledRule } from '../rules/compiled-rule.js';
import { RecentMap } from './recent-map.js';

/** Of a lease's time its owner uses this share, counted from the sending of the draw: clocks drift, the store must not. */
const USED_SHARE = 0.9;

/** What this process holds of one account. */
interface Lease {
  readonly key: string;
  rule: CompiledRule;
  /** How much the last draw gave. */
  granted: number;
  left: number;
  /** By the monotonic clock. */
  until: number;
  /** No draw can help before. */
  refusedUntil: number;
  /**
   * The lease the store was last known to keep, and what of it was unspent when it was given up. A younger one never
   * arrived here, so nothing of it is spent; of an older one nothing is known any more.
   */
  heldSeq: number;
  rest: number;
  /** What the store had left when it was last asked. */
  beyond: number;
  resetAt: number;
  drawing: Promise<void> | undefined;
}

export interface LeasesOptions {
  readonly clock: Clock;
  readonly maxKeys: number;
  readonly ask: (group: Group) => Promise<readonly Verdict[]>;
  readonly keyOf: (prefix: string, resource: string) => string;
}

/**
 * Tokens drawn in advance. The store keeps one living lease a process and account and never lets what is in the bucket
 * and what is out on leases exceed the capacity together, so that the bound holds for any number of processes.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #byRule = new Map<string, RecentMap<Lease>>();
  /** Numbers of draws only rise, so that the store knows one that was overtaken. */
  #seq = 0;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Decides by what is held; undefined when the store must be asked. */
  takeHeld(rule: CompiledRule, resource: string, cost: number): Verdict | undefined {
    const lease = this.#byRule.get(rule.prefix)?.get(resource);
    return lease === undefined ? undefined : this.#try(lease, rule, cost);
  }

  /** Draws first. Rejects when the store is away. */
  async take(rule: CompiledRule, resource: string, cost: number): Promise<Verdict> {
    for (;;) {
      const lease = this.#leaseOf(rule, resource); // anew each time: it may have been forgotten meanwhile
      const verdict = this.#try(lease, rule, cost);
      if (verdict !== undefined) return verdict;
      lease.drawing ??= this.#draw(lease).finally(() => {
        lease.drawing = undefined;
      });
      await lease.drawing;
      if (lease.left < cost && lease.granted > 0 && lease.granted < (rule.lease?.size ?? 0))
        return this.#tooLittle(lease, cost); // the bucket had no more
    }
  }

  /** What was taken and is not used after all. */
  giveBack(rule: CompiledRule, resource: string, cost: number): boolean {
    const lease = this.#byRule.get(rule.prefix)?.get(resource);
    if (lease === undefined || !this.#living(lease)) return false;
    lease.left = Math.min(rule.lease?.size ?? 0, lease.left + cost);
    return true;
  }

  /** What is there, as far as this process knows. */
  standing(rule: CompiledRule, resource: string): Verdict | undefined {
    const lease = this.#byRule.get(rule.prefix)?.get(resource);
    return lease && this.#verdict(lease, true, 0, this.#options.clock.monotonic());
  }

  /** Unspent tokens of this process. */
  held(rule: CompiledRule, resource: string): number {
    const lease = this.#byRule.get(rule.prefix)?.get(resource);
    return lease !== undefined && this.#living(lease) ? lease.left : 0;
  }

  forget(rule: CompiledRule, resource: string): void {
    const lease = this.#byRule.get(rule.prefix)?.get(resource);
    if (lease === undefined) return;
    lease.left = 0;
    lease.refusedUntil = 0;
  }

  /** Gives back all that is unspent. */
  async giveBackAll(): Promise<void> {
    const held = [...this.#byRule.values()].flatMap((leases) => [...leases.values()]);
    const living = held.filter((lease) => this.#living(lease) && lease.left > 0);
    await Promise.allSettled(living.map((lease) => this.#ask(lease, 0, ++this.#seq)));
  }

  #leaseOf(rule: CompiledRule, resource: string): Lease {
    let leases = this.#byRule.get(rule.prefix);
    if (leases === undefined)
      this.#byRule.set(rule.prefix, (leases = new RecentMap<Lease>(this.#options.maxKeys)));
    let lease = leases.get(resource);
    if (lease === undefined) {
      lease = {
        key: this.#options.keyOf(rule.prefix, resource),
        rule,
        granted: 0,
        left: 0,
        until: -Infinity,
        refusedUntil: 0,
        heldSeq: this.#seq,
        rest: 0,
        beyond: 0,
        resetAt: 0,
        drawing: undefined,
      };
      leases.set(resource, lease);
    }
    lease.rule = rule;
    return lease;
  }

  #living(lease: Lease): boolean {
    return lease.until > this.#options.clock.monotonic();
  }

  #try(lease: Lease, rule: CompiledRule, cost: number): Verdict | undefined {
    const now = this.#options.clock.monotonic();
    if (cost > rule.limit) return this.#verdict(lease, false, NEVER, now);
    if (lease.until > now && lease.left >= cost) {
      lease.left -= cost;
      return this.#verdict(lease, true, 0, now);
    }
    if (cost > 0 && lease.refusedUntil > now)
      return this.#verdict(lease, false, Math.ceil(lease.refusedUntil - now), now);
    return undefined;
  }

  #tooLittle(lease: Lease, cost: number): Verdict {
    const waitMs = Math.max(1, Math.ceil((cost - lease.left) * lease.rule.msPerToken));
    return this.#verdict(lease, false, waitMs, this.#options.clock.monotonic());
  }

  #verdict(lease: Lease, ok: boolean, waitMs: number, now: number): Verdict {
    return {
      ok,
      waitMs,
      remaining: Math.floor(lease.left) + lease.beyond,
      resetMs: Math.max(0, Math.ceil(lease.resetAt - now)),
      granted: 0,
    };
  }

  async #draw(lease: Lease): Promise<void> {
    const { size, ttlMs } = lease.rule.lease ?? { size: 0, ttlMs: 0 };
    const sentAt = this.#options.clock.monotonic();
    const seq = ++this.#seq;
    const verdict = await this.#ask(lease, size, seq);
    lease.heldSeq = seq;
    lease.rest = 0;
    lease.granted = verdict.granted;
    lease.left = verdict.granted;
    lease.until = sentAt + ttlMs * USED_SHARE;
    lease.beyond = verdict.remaining;
    lease.resetAt = sentAt + verdict.resetMs;
    lease.refusedUntil = verdict.granted > 0 ? 0 : this.#options.clock.monotonic() + verdict.waitMs;
  }

  /** Gives the present lease up and asks for another; 0 asks for none. */
  async #ask(lease: Lease, amount: number, seq: number): Promise<Verdict> {
    // what an unanswered draw gave up stays what is told, until an answer comes
    if (lease.left > 0) lease.rest = lease.left;
    lease.left = 0;
    const check = { key: lease.key, op: DRAW, rule: lease.rule, amount, seq } as const;
    const [verdict] = await this.#options.ask([{ ...check, heldSeq: lease.heldSeq, rest: lease.rest }]);
    return verdict ?? { ok: false, remaining: 0, waitMs: 1, resetMs: 0, granted: 0 };
  }
}
