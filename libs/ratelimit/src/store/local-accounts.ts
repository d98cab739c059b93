import type { Clock } from '@infra-kit/kernel';
import { decide, type Group, type State, type StateSpace, type Verdict } from '../algorithms/decide.js';
import { RecentMap } from './recent-map.js';

const US_PER_MS = 1000;

/**
 * Accounts of this process: the algorithms on objects, by the monotonic clock. Bounded: accounts that were not used for
 * long go, and are full when they come again. No timers.
 */
export class LocalAccounts implements StateSpace {
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #states: RecentMap<State>;

  constructor(options: { readonly clock: Clock; readonly owner: string; readonly maxKeys: number }) {
    this.#clock = options.clock;
    this.#owner = options.owner;
    this.#states = new RecentMap(options.maxKeys);
  }

  get size(): number {
    return this.#states.size;
  }

  decide(group: Group): readonly Verdict[] {
    return decide(this, Math.floor(this.#clock.monotonic() * US_PER_MS), this.#owner, group);
  }

  clear(): void {
    this.#states.clear();
  }

  read(key: string): State | undefined {
    return this.#states.get(key);
  }

  write(key: string, state: State, ttlMs: number): void {
    if (ttlMs > 0) this.#states.set(key, state);
    else this.#states.delete(key);
  }
}
