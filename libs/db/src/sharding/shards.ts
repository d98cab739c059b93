import type { EntityManager } from '@mikro-orm/sql';
import type { CallOptions } from '@infra-kit/kernel';
import type { SqlTag, TransactionOptions } from '../db.types.js';
import type { ShardKey } from './slots.js';

/** The shard of one key. It stays right when the slot moves: each call asks anew. */
export interface ShardHandle {
  /** Where the key is now. */
  readonly index: number;
  /** The entity manager of the context for this shard; inside its transaction, the transaction's. */
  em(): EntityManager;
  /**
   * As `DbProvider.transaction`, on the shard; names without a schema in SQL are the shard's. Run again as a whole when
   * the slot moved meanwhile, within the limit, at most half a minute: then ABORTED.
   */
  transaction<T>(fn: (em: EntityManager) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** As `DbProvider.sql`, `with` included; names without a schema are the shard's. Joins the shard's running transaction. */
  readonly sql: SqlTag;
}

export interface ShardInfo {
  readonly index: number;
  readonly server: string;
  readonly schema: string;
  /** Which of the 1,024 slots it has. */
  readonly slots: readonly number[];
}

export interface ShardsAllOptions extends CallOptions {
  /** Shards asked at once. Default 4. */
  readonly concurrency?: number | undefined;
  /** `fail`: the first error rejects. `collect`: the answers of the shards that answered, each failure logged; when none did, its error. Default `fail`. */
  readonly onError?: 'fail' | 'collect' | undefined;
}

/**
 * Tables spread over PostgreSQL schemas on many servers. A key hashes to one of 1,024 slots, a table says which shard
 * has a slot, and slots can move while writes go on. FAILED_PRECONDITION everywhere when `sharding` is not configured.
 *
 * - Through `db.em()` a query that names the key as an equality goes to its shard; without it FAILED_PRECONDITION.
 * - Flushes, native writes and shard transactions prove, in their transaction, that the shard has the slot, and keep it
 *   there until the commit. Raw SQL and query builders write under that protection in `of(key).transaction` and
 *   `of(key).sql` alone.
 * - No transaction spans two shards: a flush into several commits one after the other.
 */
export interface Shards {
  readonly count: number;
  /** The shard of a key now. `table` is only checked. */
  indexOf(table: string, key: ShardKey): number;
  /** The slot of a key, 0 to 1,023: for ever. */
  slotOf(key: ShardKey): number;
  of(key: ShardKey): ShardHandle;
  /** Works on one shard, with a manager of its own. */
  on<T>(index: number, fn: (em: EntityManager) => Promise<T>, options?: CallOptions): Promise<T>;
  /** Works on every shard; answers in their order. While a slot moves, its rows may be seen in both its shards. */
  all<T>(fn: (em: EntityManager, index: number) => Promise<T>, options?: ShardsAllOptions): Promise<T[]>;
  /**
   * Moves a slot with its rows to another shard. Writers of its keys wait while it is copied; readers see the old rows
   * for up to a second after it. One mover a slot at a time. A move that was broken off is finished by calling it again,
   * or undone by whoever meets the slot: it loses nothing either way.
   * ALREADY_EXISTS when the target has rows with the same primary keys: then nothing has moved.
   */
  move(slot: number, toIndex: number, options?: CallOptions): Promise<void>;
  info(): ShardInfo[];
}
