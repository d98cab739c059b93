import type { EntityManager, MikroORM } from '@mikro-orm/sql';
import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';
import type { DbCapabilities } from './drivers/db-driver.js';
import type { Shards } from './sharding/shards.js';
import type { MigrateOptions, SqlTag, TransactionOptions } from './db.types.js';

/**
 * PostgreSQL through MikroORM: type, injection token and documentation of the component.
 *
 * - **Entity managers**: `em()` is the running transaction's, else one for the running `InfraContext` (an HTTP request,
 *   a message, a gRPC call, a job), made at its first use and shared by nobody else, else a fresh one each call.
 *   Repositories and `orm.em` resolve to the same one.
 * - **Limits**: `timeoutMs`, `signal` and the context's deadline cover getting a connection and all retries, and cancel
 *   the statement in the server. They reach `em()` and `sql` as well.
 * - **Errors** of the provider's own methods are InfraErrors: ALREADY_EXISTS (unique), FAILED_PRECONDITION (foreign key,
 *   check, not null), ABORTED (serialization, deadlock, optimistic lock), RESOURCE_EXHAUSTED (pool), UNAVAILABLE (server
 *   away; `outcome: 'unknown'` when it was lost during COMMIT), with `sqlState` and `constraint`. What `em()` throws
 *   itself is MikroORM's.
 * - **Concurrency**: every call may be made at any time. Within one transaction statements run one after the other.
 */
export abstract class DbProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** MikroORM of the primary, for what this page does not have. */
  abstract readonly orm: MikroORM;
  abstract readonly shards: Shards;
  /** A tagged template; values are bound as parameters. Joins the running transaction. Dates and bigints come as text. */
  abstract readonly sql: SqlTag;
  /** What the driver can do; all of it but for PGlite. What it cannot is UNIMPLEMENTED. */
  abstract readonly capabilities: DbCapabilities;
  /** Whether `autoMigrate` is set: then those who build on it make their tables at start too. */
  abstract readonly autoMigrates: boolean;

  /** The entity manager of the place: see above. Never keep it beyond the request or transaction. */
  abstract em(): EntityManager;
  /**
   * Runs `fn` in a transaction with an identity map of its own, flushes and commits when it resolves, rolls back when it
   * rejects. Run again as a whole after a serialization failure or deadlock, `retries` times, with jitter: `fn` must
   * have no effects outside of the database but through `afterCommit`. A joined inner call that failed dooms the
   * outer transaction, also when its error was swallowed (FAILED_PRECONDITION).
   */
  abstract transaction<T>(fn: (em: EntityManager) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Runs `fn` once the outermost transaction has committed, in the order of the calls, before `transaction` resolves.
   * An error in it is logged. FAILED_PRECONDITION outside of a transaction.
   */
  abstract afterCommit(fn: () => void | Promise<void>): void;
  /**
   * Gathers `item` for `write`, which is called once with all items of the outermost transaction, in order, as its last
   * statements before COMMIT; those of a savepoint that was rolled back are left out. What it throws rolls everything
   * back. FAILED_PRECONDITION outside of a transaction of the primary, and in one that only reads.
   */
  abstract beforeCommit<T>(write: (items: readonly T[]) => Promise<void>, item: T): void;
  /** Creates missing tables, columns and indexes; never drops or changes. The statements, run or (with `dryRun`) not. */
  abstract autoMigrate(options?: { readonly dryRun?: boolean | undefined } & CallOptions): Promise<string[]>;
  /** Runs the migrations of `migrations.path` under an advisory lock: of many instances one does it. Their names. */
  abstract migrate(direction?: 'up' | 'down', options?: MigrateOptions): Promise<string[]>;
  /** Resolves when the primary answers. */
  abstract ping(options?: CallOptions): Promise<void>;
  /** Never throws; pool, oldest running transaction. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Idempotent. Ends the embedded server when this provider started it. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
