import type { InfraErrorCode } from '@infra-kit/kernel';

/** One key at one revision. Values are text; bytes that are no UTF-8 come as U+FFFD. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** The revision that made the key; anew after a delete. */
  readonly createRevision: bigint;
  /** The revision that wrote it last. */
  readonly modRevision: bigint;
  /** Writes since it was made; 1 for the first. */
  readonly version: bigint;
  /** The lease it goes with; undefined: it stays. */
  readonly lease: string | undefined;
}

/** One key, or all that begin with a text; `prefix: ''` is everything. */
export type KeyRange = { readonly key: string } | { readonly prefix: string };

export type RangeQuery = KeyRange & {
  /** At most so many, whole and ≥ 1. */
  readonly limit?: number | undefined;
  /** Ascending by this; default: by key, as bytes. */
  readonly orderBy?: 'key' | 'create' | 'mod' | undefined;
  readonly descending?: boolean | undefined;
  /** Leaves out keys made after this revision. */
  readonly maxCreateRevision?: bigint | undefined;
  /** Values come empty. */
  readonly keysOnly?: boolean | undefined;
};

/**
 * A condition on one key, or on each key of a prefix. A key that is not there, or a prefix without keys, has revision
 * and version 0, and no comparison of values holds for it.
 */
export type Compare =
  | (KeyRange & {
      readonly target: 'create' | 'mod' | 'version';
      readonly is: '=' | '!=' | '>' | '<';
      readonly to: bigint;
    })
  | { readonly key: string; readonly target: 'value'; readonly is: '=' | '!='; readonly to: string };

/** One step of a transaction. */
export type TxnOp =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: string;
      /** Binds the key to a lease; NOT_FOUND when there is none of that id. Without one, the key stays. */
      readonly lease?: string | undefined;
    }
  | ({ readonly kind: 'delete' } & KeyRange)
  | ({ readonly kind: 'get' } & RangeQuery);

export interface Txn {
  /** All must hold. None: they do. */
  readonly compare?: readonly Compare[] | undefined;
  /** Done when they hold. */
  readonly success?: readonly TxnOp[] | undefined;
  /** Done when they do not. */
  readonly failure?: readonly TxnOp[] | undefined;
}

/** What one op did: keys found by a `get`, how many a `delete` took away. */
export interface OpResult {
  readonly kvs: readonly KeyValue[];
  readonly deleted: number;
}

export interface TxnResult {
  readonly succeeded: boolean;
  /** The store's revision after it: that of its writes, if it wrote. */
  readonly revision: bigint;
  /** One an op of the branch that was done, in order. */
  readonly results: readonly OpResult[];
}

export interface RangeResult {
  readonly kvs: readonly KeyValue[];
  /** How many there are without `limit`. */
  readonly count: number;
  /** The store's revision at which this was true. */
  readonly revision: bigint;
}

export interface GrantedLease {
  readonly id: string;
  /** What the store grants, in milliseconds: at least what was asked for. */
  readonly ttlMs: number;
}

export type WatchEvent =
  { readonly type: 'put'; readonly kv: KeyValue } | { readonly type: 'delete'; readonly key: string };

/** What a watch tells. */
export type WatchSignal =
  /** Attached to the store: after the start, and again after each interruption. */
  | { readonly type: 'attached' }
  /** All that one revision changed in the range, in order; revisions only rise, none comes twice, none is left out. */
  | { readonly type: 'changes'; readonly revision: bigint; readonly events: readonly WatchEvent[] }
  /** The connection is lost. The driver attaches again by itself and goes on after the last revision it told. */
  | { readonly type: 'interrupted'; readonly error: unknown }
  /** What comes next is compacted away: the watch is over. List anew, and watch from there. */
  | { readonly type: 'compacted'; readonly compactRevision: bigint }
  /** The store refuses for good (no permission): the watch is over. */
  | { readonly type: 'failed'; readonly error: unknown };

export type WatchListener = (signal: WatchSignal) => void;

/** What one call brings along. */
export interface DriverCall {
  /**
   * Aborts when the front has given up on the call. From then on a driver must not begin to send it; what was sent may
   * still be applied. Rejecting on abort is not needed: the front has answered its caller.
   */
  readonly signal: AbortSignal;
}

/** `down` while calls are known to fail or to get no answer. */
export type DriverState = 'up' | 'down';

/**
 * The small interface behind coord: a store of keys with revisions, leases, transactions and watches, as etcd has it.
 *
 * The front has checked arguments, put prefixes before keys, and limits each call in time; it maps errors and counts.
 * A driver rejects with its client's raw error, once, and says by `codeOf` what that means. It repeats nothing that may
 * have been applied.
 *
 * - **Revisions** count the store's writing transactions, 64 bits, strictly rising, one for all keys. All ops of one
 *   transaction bear one revision, and are seen together or not at all. Reads are linearizable.
 * - A transaction takes up to 128 compares and 128 ops a branch; a key may be written once in it (INVALID_ARGUMENT).
 * - **Leases**: when one expires or is revoked, its keys are deleted, in one transaction.
 * - Calls may be made at any time, concurrently, and never queue without bound: with the store away they reject.
 * - **Errors** that matter, by `codeOf`: UNAVAILABLE (connection lost or refused), PERMISSION_DENIED (user, password,
 *   right), NOT_FOUND (no such lease), INVALID_ARGUMENT, RESOURCE_EXHAUSTED (store full).
 * - No error ever leaves by another way than a rejection, a watch signal or `onState`: nothing is emitted unheard.
 */
export interface CoordDriver {
  /** For logs, metrics and health: 'memory', 'etcd', … */
  readonly kind: string;
  /** The client underneath, if any. */
  readonly native: unknown;
  readonly state: DriverState;

  /**
   * Opens what it needs and resolves when the store has answered; rejects within its own dial timeout. After a
   * rejection the driver goes on connecting in the background until `close`, and may be used.
   */
  connect(): Promise<void>;
  /** Tells of every change of `state`, with the reason for `down`. Disposing the result ends it. */
  onState(listener: (state: DriverState, reason: unknown) => void): Disposable;
  /** Facts for the health page: addresses without credentials. */
  describe(): Readonly<Record<string, unknown>>;
  /** What an error of its own means; undefined when it is not known. */
  codeOf(error: unknown): InfraErrorCode | undefined;
  /** Called once, by whoever made the driver. Watches end silently. */
  close(): Promise<void>;

  range(query: RangeQuery, call: DriverCall): Promise<RangeResult>;
  /** One atomic step. A single put or delete is a transaction without compares. */
  txn(txn: Txn, call: DriverCall): Promise<TxnResult>;
  /** `ttlMs` is rounded up to what the store can count. */
  grant(ttlMs: number, call: DriverCall): Promise<GrantedLease>;
  /** Renews once, to the whole ttl, and answers it in milliseconds. NOT_FOUND when the lease is gone. */
  keepAlive(lease: string, call: DriverCall): Promise<number>;
  /** Ends a lease and deletes its keys. NOT_FOUND when it is gone. */
  revoke(lease: string, call: DriverCall): Promise<void>;
  ping(call: DriverCall): Promise<void>;
  /**
   * Tells of every change in `range` with a revision ≥ `fromRevision`, past ones first. The listener is never called
   * before this returns, nor after the result is disposed; what it throws must not reach the driver's other listeners.
   */
  watch(range: KeyRange, fromRevision: bigint, listener: WatchListener): Disposable;
}
