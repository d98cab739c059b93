import type { CallOptions, Lock, LockService } from '@infra-kit/kernel';

/** A step of a guarded transaction. Keys are those of etcd itself, without the prefix of the configuration. */
export type GuardedOp =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'get'; readonly key: string };

export interface GuardedResult {
  /** The store's revision after it. */
  readonly revision: bigint;
  /** One an op: what a `get` found; undefined for a key that is not there, and for the other kinds. */
  readonly values: readonly (string | undefined)[];
}

/** Locks in the store: fair, in order of arrival; the token is the create revision of the holder's place in the queue. */
export interface CoordLocks extends LockService {
  /**
   * Carries `ops` out in one transaction, and only while the lock is its holder's in the store: what a holder that was
   * paused past its ttl wrote is refused, without the protected data having to know of tokens. Up to 100 ops, a key once.
   * Rejects with a `LockLostError` when the lock is another's; nothing is done then.
   */
  guard(lock: Lock, ops: readonly GuardedOp[], options?: CallOptions): Promise<GuardedResult>;
}
