import type { EntityManager, MikroORM } from '@mikro-orm/sql';
import { InfraContext, withDeadline, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import type { AmbientManagers } from './context/ambient-managers.js';
import { closedError, dbError, invalidArgument, type DbPlace } from './db.errors.js';
import { DbProvider } from './db.provider.js';
import type { MigrateOptions, SqlTag, TransactionOptions } from './db.types.js';
import type { DbCapabilities, DbDriver } from './drivers/db-driver.js';
import type { OpenedOrm } from './orm/open-orm.js';
import type { QueryLog } from './orm/query-log.js';
import { poolState } from './orm/pool-state.js';
import { askServers } from './orm/ask-servers.js';
import type { SchemaKeeper } from './schema/schema-keeper.js';
import type { Shards } from './sharding/shards.js';
import { bindSql, runSql, sqlTag } from './sql/tagged-sql.js';
import type { Transactions } from './transactions/transactions.js';

const HEALTH_LIMIT_MS = 2000;

export interface DbEngine {
  readonly place: DbPlace;
  readonly driver: DbDriver;
  readonly primary: OpenedOrm;
  /** Replicas, and further servers of shards. */
  readonly others: readonly OpenedOrm[];
  readonly managers: AmbientManagers;
  readonly transactions: Transactions;
  readonly schema: SchemaKeeper;
  readonly shards: Shards;
  readonly log: QueryLog;
  readonly autoMigrates: boolean;
  /** Set when the connections are closed: nothing more is taken on. */
  readonly closed: () => boolean;
  readonly close: () => Promise<void>;
}

/** The front: checks, limits, and errors in one vocabulary; the work is its parts'. */
export class DefaultDbProvider extends DbProvider {
  readonly #engine: DbEngine;
  #closed = false;
  override readonly sql: SqlTag;

  constructor(engine: DbEngine) {
    super();
    this.#engine = engine;
    this.sql = sqlTag((options, strings, values) => this.#sql(options, strings, values));
  }

  override get name(): string {
    return this.#engine.place.name;
  }

  override get orm(): MikroORM {
    return this.#engine.primary.orm;
  }

  override get shards(): Shards {
    return this.#engine.shards;
  }

  override get capabilities(): DbCapabilities {
    return this.#engine.driver.capabilities;
  }

  override get autoMigrates(): boolean {
    return this.#engine.autoMigrates;
  }

  override em(): EntityManager {
    this.#refuseClosed();
    return this.#engine.managers.em();
  }

  override async transaction<T>(
    fn: (em: EntityManager) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    this.#refuseClosed();
    return this.#engine.transactions.run(fn, options);
  }

  override afterCommit(fn: () => void | Promise<void>): void {
    this.#refuseClosed();
    this.#engine.transactions.afterCommit(fn);
  }

  override beforeCommit<T>(write: (items: readonly T[]) => Promise<void>, item: T): void {
    this.#refuseClosed();
    this.#engine.transactions.beforeCommit(write, item);
  }

  async #sql<T extends object>(
    options: CallOptions | undefined,
    strings: TemplateStringsArray,
    values: readonly unknown[],
  ): Promise<T[]> {
    this.#refuseClosed();
    const { place, managers, log } = this.#engine;
    const bound = bindSql(place, strings, values);
    return this.#limited('sql', options, (signal) =>
      runSql<T>(managers.inTransaction() ?? managers.fresh(), bound, log, signal),
    );
  }

  override async autoMigrate(
    options: { readonly dryRun?: boolean | undefined } & CallOptions = {},
  ): Promise<string[]> {
    this.#refuseClosed();
    return this.#limited('autoMigrate', options, (signal) =>
      this.#engine.schema.autoMigrate(options.dryRun, signal),
    );
  }

  override async migrate(direction: 'up' | 'down' = 'up', options: MigrateOptions = {}): Promise<string[]> {
    this.#refuseClosed();
    if (direction !== 'up' && direction !== 'down')
      throw invalidArgument(this.#engine.place, `direction must be 'up' or 'down', got ${String(direction)}`);
    return this.#limited('migrate', options, (signal) =>
      this.#engine.schema.migrate(direction, options.to, signal),
    );
  }

  override async ping(options?: CallOptions): Promise<void> {
    this.#refuseClosed();
    const { place, managers, log } = this.#engine;
    const bound = bindSql(place, tag`select 1`, []);
    await this.#limited('ping', options, (signal) => runSql(managers.fresh(), bound, log, signal));
  }

  override async health(options: CallOptions = {}): Promise<HealthReport> {
    const { driver, primary, others, transactions, place } = this.#engine;
    const limits = { ...options, timeoutMs: Math.min(HEALTH_LIMIT_MS, options.timeoutMs ?? Infinity) };
    const facts = {
      driver: driver.kind,
      address: primary.address,
      pool: poolState(primary.pools),
      oldestTransactionMs: transactions.oldestMs(),
    };
    try {
      await this.ping(limits);
      const told = await askServers(others, limits, `${place.label}.health`);
      const degraded = told.some(({ status }) => status === 'down');
      return {
        status: degraded ? 'degraded' : 'up',
        detail: { ...facts, ...(told.length > 0 && { servers: told }) },
      };
    } catch (error) {
      return { status: 'down', detail: { ...facts, error: dbError(place, error).message } };
    }
  }

  override async close(): Promise<void> {
    this.#closed = true;
    await this.#engine.close();
  }

  #refuseClosed(): void {
    if (this.#closed || this.#engine.closed()) throw closedError(this.#engine.place);
  }

  async #limited<T>(
    method: string,
    options: CallOptions | undefined,
    fn: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    const { place } = this.#engine;
    try {
      const context = InfraContext.current();
      const free =
        options?.signal === undefined &&
        options?.timeoutMs === undefined &&
        context?.signal === undefined &&
        context?.deadlineMonotonic === undefined;
      if (free) return await fn(undefined);
      return await withDeadline(options, Infinity, `${place.label}.${method}`, fn);
    } catch (error) {
      throw dbError(place, error);
    }
  }
}

const tag = (strings: TemplateStringsArray): TemplateStringsArray => strings;
