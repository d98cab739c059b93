import type { InfraErrorCode } from '@infra-kit/kernel';
import type { DriverCall, Encoded } from './driver-call.js';
import type { AtomicScript, ScriptReply } from '../scripts/atomic-script.js';
import type { HashDriver, SetDriver, SortedSetDriver } from './structure-drivers.js';

export type { DriverCall, Encoded } from './driver-call.js';

export interface DriverWrite {
  /** Milliseconds, whole and ≥ 1; undefined: the entry does not expire. Counts from the write. */
  readonly ttlMs: number | undefined;
  /** Write only where there is no entry, or only where there is one. Check and write are one step. */
  readonly condition?: 'absent' | 'present' | undefined;
  /** Keep the expiry the entry has; `ttlMs` is undefined then. An entry that is new does not expire. */
  readonly keepTtl?: boolean | undefined;
}

export interface DriverScanPage {
  readonly keys: readonly string[];
  /** Where the next page begins; undefined after the last. */
  readonly next: string | undefined;
}

/** What a driver can do beyond single keys. What it cannot do is UNIMPLEMENTED at the front, and never reaches it. */
export interface CacheCapabilities {
  /** `scanPage` works: `scan`, `deleteByPrefix`. */
  readonly scan: boolean;
  /** `run` works: atomic scripts. */
  readonly scripts: boolean;
}

/** A value with the time it has left when it was read; Infinity without expiry. */
export interface TrackedValue {
  readonly data: Encoded;
  readonly leftMs: number;
}

export interface TrackingOptions {
  /** Keys that do not begin with it need not be told of. */
  readonly prefix: string;
  /** How often to ask whether changes are still heard of; no answer within it is `down`. */
  readonly pingMs: number;
  /** The monotonic clock of the front. */
  readonly now: () => number;
}

/** What a driver tells of changes, its own and everyone's. Each call is made at once and in order. */
export interface TrackingEvents {
  /** From now on every change is told; nothing that was read before may be relied on. `provenAt`: see `proved`. */
  up(provenAt: number): void;
  /** Changes may be missed from now on. `reason` is one of few words: 'lost', 'silent', 'reconnect'. */
  down(reason: string): void;
  /** Every change made before this time, by the clock given, has been told. Called again and again while up. */
  proved(provenAt: number): void;
  /** Written, deleted, expired or given another ttl. Too many do no harm. */
  changed(keys: readonly string[]): void;
  /** All keys are gone. */
  flushed(): void;
}

/** How a store tells of changes, for a near cache. */
export interface DriverTracking {
  /** As the driver's own `get` and `getMany`. What changes while they run is told of by `changed`. */
  get(key: string, call: DriverCall): Promise<TrackedValue | undefined>;
  getMany(keys: readonly string[], call: DriverCall): Promise<readonly (TrackedValue | undefined)[]>;
  /** Begins to tell: rejects when it cannot, else goes on by itself, over losses of connections too, until disposed. */
  follow(options: TrackingOptions, events: TrackingEvents): Promise<AsyncDisposable>;
}

/** Notices that scripts publish: hints, which may come late, twice or not at all. */
export interface DriverNotices {
  /** Tells of each notice on the channel until disposed; also, with '', when some may have been missed. */
  listen(channel: string, listener: (message: string) => void): Disposable;
}

/** `degraded`: some of several servers are away, so that some calls fail. */
export type DriverState = 'up' | 'degraded' | 'down';

/** The settings that may change while the driver runs. */
export interface DriverLimits {
  readonly commandTimeoutMs: number;
  readonly maxEntries: number;
}

/**
 * The small interface behind the cache: one key/value store with expiry.
 *
 * The front has checked every argument, put prefixes before keys, encoded values, and limits each call in time;
 * it also retries (reads alone), maps errors and counts. So a driver does nothing of that: it rejects with the raw
 * error of its client, once, and says by `codeOf` what the error means. It never retries by itself, since it cannot
 * know whether a write was applied.
 *
 * - Every method but `setMany`, `getMany`, `scanPage`, and `delete` and `exists` of several keys is one atomic step on the store; a
 *   step that rejects was applied whole or not at all, and after a lost connection or an abort nobody knows which.
 * - Writes of one key take effect in the order of their calls, awaited or not.
 * - An expired entry is absent in every respect, from the millisecond its ttl is over.
 * - Values given and returned are nobody else's: a driver that keeps them in the process copies bytes both ways.
 * - Calls may be made concurrently; those of one caller that awaits them take effect in that order.
 * - No call may queue without bound: when the store is away a call rejects at once or when its signal aborts.
 */
export interface CacheDriver {
  /** For logs, metrics and health: 'memory', 'redis', … */
  readonly kind: string;
  readonly capabilities: CacheCapabilities;
  /** How it tells of changes; a driver without it has no near cache before it. */
  readonly tracking?: DriverTracking | undefined;
  /** How it hears what scripts publish; whoever waits asks again now and then in any case. */
  readonly notices?: DriverNotices | undefined;
  /** True: answers come from this process within the same turn, so that no time limit need be kept. */
  readonly local: boolean;
  /** The client underneath, if any. */
  readonly native: unknown;
  /** `down` while calls are known to fail or to get no answer. */
  readonly state: DriverState;

  /** Opens what it needs; rejects when the store cannot be reached in time. Called again when open it does nothing. */
  connect(): Promise<void>;
  /** Tells of every change of `state`, with the reason for `down` and `degraded`. Disposing the result ends it. */
  watch(listener: (state: DriverState, reason: unknown) => void): Disposable;
  /** Takes over limits that do not concern it too, silently. */
  tune(limits: DriverLimits): void;
  /** Facts for the health page: an address without credentials, connections, entries. */
  describe(): Readonly<Record<string, unknown>>;
  /** What an error of its own means; undefined when it is not known. Connection lost or refused: UNAVAILABLE. */
  codeOf(error: unknown): InfraErrorCode | undefined;
  /** Called once, by whoever made the driver. Waits for answers that are under way, within reason. */
  close(): Promise<void>;

  get(key: string, call: DriverCall): Promise<Encoded | undefined>;
  /** One answer a key, in the order of `keys`. */
  getMany(keys: readonly string[], call: DriverCall): Promise<readonly (Encoded | undefined)[]>;
  /**
   * The first `bytes` bytes of plain values; undefined for no entry or one of another kind, or none for no entry.
   * Absent where a whole value costs no more.
   */
  readonly starts?:
    | ((
        keys: readonly string[],
        bytes: number,
        call: DriverCall,
      ) => Promise<readonly (Encoded | undefined)[]>)
    | undefined;
  /** False when the condition did not hold. */
  set(key: string, value: Encoded, write: DriverWrite, call: DriverCall): Promise<boolean>;
  /** Each entry by itself: when it rejects some may be written. */
  setMany(
    entries: readonly (readonly [string, Encoded])[],
    write: DriverWrite,
    call: DriverCall,
  ): Promise<void>;
  /** Writes without condition; answers what was there before. */
  getAndSet(key: string, value: Encoded, write: DriverWrite, call: DriverCall): Promise<Encoded | undefined>;
  /** How many were there. A key named twice counts once. */
  delete(keys: readonly string[], call: DriverCall): Promise<number>;
  /** How many are there. A key named twice counts twice. */
  exists(keys: readonly string[], call: DriverCall): Promise<number>;
  /**
   * Adds to the decimal number an entry holds as text (none: 0) and answers the sum; the expiry stays.
   * A value that is no whole number is FAILED_PRECONDITION, a sum beyond ±(2⁵³ - 1) DATA_LOSS; neither changes it.
   */
  increment(key: string, by: number, call: DriverCall): Promise<number>;
  /** Sets the ttl anew, or takes it away; false when there is no entry. */
  expire(key: string, ttlMs: number | undefined, call: DriverCall): Promise<boolean>;
  /** Milliseconds left; Infinity without expiry; undefined when there is no entry. */
  ttlMs(key: string, call: DriverCall): Promise<number | undefined>;
  /**
   * Keys that begin with `prefix`, a page at a time, `cursor` undefined for the first. What is there all through the
   * scan comes at least once, also while pages that came are being deleted; what comes or goes meanwhile may come.
   */
  scanPage(prefix: string, cursor: string | undefined, call: DriverCall): Promise<DriverScanPage>;
  /** Runs a script as one step; see `AtomicScript`. */
  run(
    script: AtomicScript<unknown>,
    keys: readonly string[],
    args: readonly string[],
    call: DriverCall,
  ): Promise<ScriptReply>;
  ping(call: DriverCall): Promise<void>;

  /** Absent where the store has none of that kind: UNIMPLEMENTED at the front. */
  readonly hashes: HashDriver | undefined;
  readonly sets: SetDriver | undefined;
  readonly sortedSets: SortedSetDriver | undefined;
}
