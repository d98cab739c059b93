import type { Clock, Timer } from '@infra-kit/kernel';
import type { GrantedLease } from '../coord-driver.js';
import { MemoryStoreError } from './memory-errors.js';

interface Lease {
  readonly id: string;
  readonly ttlMs: number;
  readonly keys: Set<string>;
  /** By the monotonic clock. */
  expiresAt: number;
}

const TTL_LIMIT_MS = 2 ** 31 - 1;

/** The leases of one memory store: one timer for all, set to the earliest end. */
export class MemoryLeases {
  readonly #clock: Clock;
  /** Deletes the keys of a lease that has ended, in one transaction. */
  readonly #ended: (keys: ReadonlySet<string>) => void;
  readonly #leases = new Map<string, Lease>();
  readonly #ofKey = new Map<string, Lease>();
  #last = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, ended: (keys: ReadonlySet<string>) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  get size(): number {
    return this.#leases.size;
  }

  grant(ttlMs: number): GrantedLease {
    if (!(ttlMs > 0 && ttlMs <= TTL_LIMIT_MS))
      throw new MemoryStoreError(
        'INVALID_ARGUMENT',
        `the ttl of a lease must be milliseconds > 0, got ${ttlMs}`,
      );
    const lease: Lease = {
      id: `${++this.#last}`,
      ttlMs: Math.ceil(ttlMs),
      keys: new Set(),
      expiresAt: this.#clock.monotonic() + ttlMs,
    };
    this.#leases.set(lease.id, lease);
    this.#arm();
    return { id: lease.id, ttlMs: lease.ttlMs };
  }

  renew(id: string): number {
    const lease = this.#find(id);
    lease.expiresAt = this.#clock.monotonic() + lease.ttlMs;
    return lease.ttlMs;
  }

  revoke(id: string): void {
    this.#end(this.#find(id));
    this.#arm();
  }

  check(id: string): void {
    this.#find(id);
  }

  /** The key belongs to this lease alone from now on; undefined: to none. */
  bind(key: string, id: string | undefined): void {
    this.#ofKey.get(key)?.keys.delete(key);
    this.#ofKey.delete(key);
    if (id === undefined) return;
    const lease = this.#find(id);
    lease.keys.add(key);
    this.#ofKey.set(key, lease);
  }

  /** Ends what is due: whoever looks at the store does so first, so that a late timer shows to nobody. */
  expire(): void {
    const now = this.#clock.monotonic();
    for (const lease of this.#leases.values()) if (lease.expiresAt <= now) this.#end(lease);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#leases.clear();
    this.#ofKey.clear();
  }

  #find(id: string): Lease {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new MemoryStoreError('NOT_FOUND', `there is no lease ${id}`);
    return lease;
  }

  #end(lease: Lease): void {
    this.#leases.delete(lease.id);
    this.#ended(lease.keys);
    for (const key of lease.keys) this.#ofKey.delete(key);
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#leases.size === 0) return;
    const next = Math.min(...[...this.#leases.values()].map(({ expiresAt }) => expiresAt));
    this.#timer = this.#clock.setTimeout(() => {
      this.expire();
      this.#arm();
    }, next - this.#clock.monotonic());
    this.#timer.unref();
  }
}
