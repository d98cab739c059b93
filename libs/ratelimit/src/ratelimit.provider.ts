import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';

export type RateLimitAlgorithm = 'token-bucket' | 'sliding-window' | 'concurrency';
/** What decides while the store is away: nobody is refused, everybody is, or each process by a share of the rule. */
export type OnStoreError = 'open' | 'closed' | 'local';

/** How much, for whom: the whom is the `resource` of a call. */
export interface RateLimitRule {
  /**
   * Default `token-bucket`: `capacity` at once, `rate` in the long run.
   * `sliding-window`: `rate` in any window of `perMs`, weighted; `capacity` is ignored. At worst 2 × `rate` in one window.
   * `concurrency`: `capacity` at once; a slot is held by a lease of `perMs`, which its living holder renews. `rate` is ignored.
   */
  readonly algorithm?: RateLimitAlgorithm | undefined;
  /** Tokens that come back in `perMs`. */
  readonly rate: number;
  /** Milliseconds; default 1000. */
  readonly perMs?: number | undefined;
  /** Most tokens there can be: the burst. */
  readonly capacity: number;
  /** `local`: each process by itself, whatever the driver. Default `distributed`. */
  readonly scope?: 'distributed' | 'local' | undefined;
  /**
   * Token bucket alone: each process draws `size` tokens at once and decides by itself. What it does not use within
   * `ttlMs` is lost to all until the rate brings it back. `size` is at most half of `capacity`.
   */
  readonly lease?: { readonly size: number; readonly ttlMs: number } | undefined;
  /** Default: what the configuration says. */
  readonly onStoreError?: OnStoreError | undefined;
  /** For people. */
  readonly description?: string | undefined;
  /** Decides and counts, but never refuses. */
  readonly shadow?: boolean | undefined;
}

export interface Decision {
  /** True also for the refusal of a shadow rule, whose other numbers are those of the refusal. */
  readonly allowed: boolean;
  /** The rule's name; `inline` for one given as an object. */
  readonly rule: string;
  /** The capacity; of a sliding window its rate. */
  readonly limit: number;
  /** Whole tokens left, rounded down. */
  readonly remaining: number;
  /** Milliseconds until the same call could be allowed; 0 for an allowed one, Infinity when its cost never fits. */
  readonly retryAfterMs: number;
  /** Milliseconds until everything has come back. */
  readonly resetAfterMs: number;
  /** Who decided: the store; this process, for local rules and the memory driver; a lease; the fallback while the store is away. */
  readonly source: 'store' | 'local' | 'lease' | 'fallback';
}

export interface RateLimitCheck {
  readonly resource: string;
  readonly rule: string | RateLimitRule;
  /** Tokens, a thousandth at the finest; default 1. */
  readonly cost?: number | undefined;
}

export interface AllowOptions extends CallOptions {
  /** Tokens; default 1. 0 asks without spending. Above the capacity it is refused for ever. */
  readonly cost?: number | undefined;
}

/** A slot of a concurrency rule. Its lease is renewed until it is released or its process dies. */
export interface Permit extends AsyncDisposable {
  /** Aborts when the slot could be given to another: the store was away for too long, or forgot it. */
  readonly signal: AbortSignal;
  /** Gives the slot back. Idempotent, never rejects. */
  release(): Promise<void>;
}

/**
 * Rate limits. A call names a resource (for whom) and a rule (how much); the two together have one account.
 *
 * - Exact: every decision is one atomic step by the clock of the store. Over any window the admissions of all processes
 *   stay within capacity + rate·t; a refused call spends nothing.
 * - Decisions asked for in one turn of the event loop travel in one script call, each for itself.
 * - A store that is away delays a decision by `storeTimeoutMs` at most; it is then made by `onStoreError`, never thrown.
 * - Errors: NOT_FOUND for an unknown rule; INVALID_ARGUMENT for an empty resource (or one above 16 KiB), a cost that is
 *   negative or not finite, a rule with rate or capacity ≤ 0; DEADLINE_EXCEEDED and CANCELLED by the caller's own limits;
 *   FAILED_PRECONDITION after `close`. Nothing was spent when one is thrown, but for the caller's own limits.
 */
export abstract class RateLimitProvider implements ComponentProvider {
  abstract readonly name: string;

  abstract allow(resource: string, rule: string | RateLimitRule, options?: AllowOptions): Promise<Decision>;
  /** All are spent, or none; one round trip. Decisions come in the order of the checks, each as if alone. On a Redis Cluster: see the README. */
  abstract allowAll(
    checks: readonly RateLimitCheck[],
    options?: CallOptions,
  ): Promise<{ readonly allowed: boolean; readonly decisions: Decision[] }>;
  /** What `allow` would say, without spending. */
  abstract peek(resource: string, rule: string | RateLimitRule, options?: CallOptions): Promise<Decision>;
  /**
   * Gives `cost` (default 1) back, never above the capacity. Of a concurrency rule: a slot that `allow` took.
   * Rejects with the store's error when it is away.
   */
  abstract refund(
    resource: string,
    rule: string | RateLimitRule,
    cost?: number,
    options?: CallOptions,
  ): Promise<void>;
  /** Forgets what was spent. Rejects with the store's error when it is away. */
  abstract reset(resource: string, rule: string | RateLimitRule, options?: CallOptions): Promise<void>;
  /** A slot of a `concurrency` rule; `permit` is there when the decision allows. INVALID_ARGUMENT for other rules. */
  abstract acquire(
    resource: string,
    rule: string | RateLimitRule,
    options?: CallOptions,
  ): Promise<{ readonly decision: Decision; readonly permit?: Permit }>;
  /** The rules in force, with their defaults filled in. */
  abstract rules(): Readonly<Record<string, RateLimitRule>>;

  /** Never throws; limited to 2 s. `degraded` while a fallback is in force. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Gives leases and permits back. Idempotent. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
