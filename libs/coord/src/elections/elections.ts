import type { CallOptions } from '@infra-kit/kernel';

export interface CampaignOptions extends CallOptions {
  /** Who leads, for those who ask: a text, such as an address. */
  readonly value: string;
  /** How long a leader that has fallen silent stays one, in milliseconds ≥ 1,000; default: the configuration's `lockTtlMs`. */
  readonly ttlMs?: number | undefined;
  /** How long to wait to be elected, in milliseconds; DEADLINE_EXCEEDED after it. Default: as long as it takes. */
  readonly waitMs?: number | undefined;
}

/** Being the one leader, for as long as the lease behind it is renewed, which it is by itself. */
export interface Leadership extends AsyncDisposable {
  readonly name: string;
  /** Fencing token: rises from leader to leader. Hand it to what only a leader may touch, which refuses lower ones. */
  readonly token: bigint;
  /**
   * Aborts, with a `LockLostError`, before the store could let another lead: at most 0.9 ttl after the sending of the
   * last acknowledged renewal, by the monotonic clock. Never by `resign`.
   */
  readonly signal: AbortSignal;
  /** Milliseconds it is still surely held; ≤ 0: lost, or resigned. Needs no timer. */
  remainingMs(): number;
  /** Lets the next one lead. Idempotent; of a lost leadership it resolves and touches nobody else's. */
  resign(): Promise<void>;
}

export interface ObserveOptions {
  /** Ends the observation. */
  readonly signal?: AbortSignal | undefined;
}

/** One leader a name, those who campaign waiting in order of arrival. */
export interface Elections {
  /** Resolves when elected. Giving up leaves nothing behind. */
  campaign(name: string, options: CampaignOptions): Promise<Leadership>;
  /** The value of the present leader; undefined when nobody leads. */
  leader(name: string, options?: CallOptions): Promise<string | undefined>;
  /**
   * First the present leader's value (undefined: nobody), then each new one; the same leader is not told twice in a
   * row. Waits for a store that is away. Who is slow misses leaders between, never the last one.
   */
  observe(name: string, options?: ObserveOptions): AsyncIterableIterator<string | undefined>;
}
