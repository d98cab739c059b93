import type { Clock } from '@infra-kit/kernel';
import type { RuleNumbers } from '../algorithms/algorithm.js';
import {
  decide,
  decideOne,
  takeOne,
  type Check,
  type State,
  type StateSpace,
  type Verdict,
} from '../algorithms/decide.js';
import { RecentMap } from './recent-map.js';

const US_PER_MS = 1000;

/** `key` tells accounts apart within one call; they are kept by rule and resource, whose hashes are known already. */
export interface LocalCheck extends Check {
  readonly rule: RuleNumbers & { readonly prefix: string };
  readonly resource: string;
}

/**
 * Accounts of this process: the algorithms on objects, by the monotonic clock. Bounded: accounts that were not used for
 * long go, and are full when they come again. No timers.
 */
export class LocalAccounts implements StateSpace<LocalCheck> {
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #maxKeys: number;
  readonly #byRule = new Map<string, RecentMap<State>>();
  #read: State | undefined;
  /** The rule asked for last, and its accounts. */
  #prefix: string | undefined;
  #states = new RecentMap<State>(0);

  constructor(options: { readonly clock: Clock; readonly owner: string; readonly maxKeys: number }) {
    this.#clock = options.clock;
    this.#owner = options.owner;
    this.#maxKeys = options.maxKeys;
  }

  /** Accounts kept now. */
  get size(): number {
    let sum = 0;
    for (const { size } of this.#byRule.values()) sum += size;
    return sum;
  }

  /** One TAKE. */
  take(check: LocalCheck): Verdict {
    return takeOne(this, this.#now(), this.#owner, check);
  }

  one(check: LocalCheck): Verdict {
    return decideOne(this, this.#now(), this.#owner, check);
  }

  decide(group: readonly LocalCheck[]): readonly Verdict[] {
    return decide(this, this.#now(), this.#owner, group);
  }

  clear(): void {
    this.#byRule.clear();
    this.#prefix = undefined;
  }

  read({ rule, resource }: LocalCheck): State | undefined {
    this.#read = this.#of(rule.prefix).get(resource);
    return this.#read;
  }

  write({ rule, resource }: LocalCheck, state: State, ttlMs: number): void {
    if (ttlMs > 0 && state === this.#read) return; // changed in its place
    const states = this.#of(rule.prefix);
    if (ttlMs > 0) states.set(resource, state);
    else states.delete(resource);
  }

  #of(prefix: string): RecentMap<State> {
    if (prefix === this.#prefix) return this.#states;
    let states = this.#byRule.get(prefix);
    if (states === undefined) this.#byRule.set(prefix, (states = new RecentMap<State>(this.#maxKeys)));
    this.#prefix = prefix;
    this.#states = states;
    return states;
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() * US_PER_MS);
  }
}
