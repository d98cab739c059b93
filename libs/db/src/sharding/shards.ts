import type { EntityManager } from '@mikro-orm/sql';
import type { TransactionOptions } from '../db.types.js';
import type { ShardKey } from './slots.js';

/** The shard of one key. It stays right when the slot moves: each call asks anew. */
export interface ShardHandle {
  /** Where the key is now. */
  readonly index: number;
  /** The entity manager of the context for this shard; inside its transaction, the transaction's. */
  em(): EntityManager;
  /** As `DbProvider.transaction`, on the shard. Run again when the slot moved meanwhile. */
  transaction<T>(fn: (em: EntityManager) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** As `DbProvider.sql`; names without a schema are the shard's. Joins the shard's running transaction. */
  sql<T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]): Promise<T[]>;
}

export interface ShardInfo {
  readonly index: number;
  readonly server: string;
  readonly schema: string;
  /** How many of the 1,024 slots it has. */
  readonly slots: number;
}

export interface ShardsAllOptions {
  /** Shards asked at once. Default 4. */
  readonly concurrency?: number | undefined;
  /** `fail`: the first error rejects. `collect`: the answers of the shards that answered; when none did, its error. Default `fail`. */
  readonly onError?: 'fail' | 'collect' | undefined;
}

/**
 * Tables spread over PostgreSQL schemas on many servers. A key hashes to one of 1,024 slots, a table says which shard
 * has a slot, and slots can move while writes go on. FAILED_PRECONDITION everywhere when `sharding` is not configured.
 */
export interface Shards {
  readonly count: number;
  /** The shard of a key now. `table` is only checked. */
  indexOf(table: string, key: ShardKey): number;
  of(key: ShardKey): ShardHandle;
  /** Works on one shard, with a manager of its own. */
  on<T>(index: number, fn: (em: EntityManager) => Promise<T>): Promise<T>;
  /** Works on every shard; answers in their order. */
  all<T>(fn: (em: EntityManager, index: number) => Promise<T>, options?: ShardsAllOptions): Promise<T[]>;
  /**
   * Moves a slot with its rows to another shard. Writers of its keys wait while it is copied; readers see the old rows
   * for up to a second after it. A move that was broken off is finished by calling it again.
   * ALREADY_EXISTS when the target has rows with the same primary keys: then nothing has moved.
   */
  move(slot: number, toIndex: number): Promise<void>;
  info(): ShardInfo[];
}
