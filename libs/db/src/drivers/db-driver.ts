import type { Options } from '@mikro-orm/sql';

/** What a driver can do beyond plain SQL on one connection. */
export interface DbCapabilities {
  /** Transactions run beside each other. False: one at a time, the others wait. */
  readonly concurrentTransactions: boolean;
  /** A cancelled query stops on the server, and `statementTimeoutMs` is enforced there. */
  readonly cancellation: boolean;
  /** Session advisory locks and LISTEN/NOTIFY tell sessions apart. */
  readonly sessions: boolean;
}

/** One server as MikroORM is told of it: everything but entities, pool and logging. */
export type DbConnection = Pick<
  Options,
  'driver' | 'clientUrl' | 'host' | 'port' | 'user' | 'password' | 'dbName'
> & {
  /** For messages and the health page: never a credential. */
  readonly address: string;
};

/**
 * Where the SQL goes: an address, or a server that the driver starts. It knows nothing of entities or transactions.
 *
 * - `open` makes the server reachable and says how; it may be called again after it rejected.
 * - `close` is called once, by the provider that made the driver, when no connection is open any more. It ends what
 *   `open` started, and nothing else: a server that ran before stays.
 */
export interface DbDriver {
  readonly kind: 'postgresql' | 'embedded' | 'pglite';
  readonly capabilities: DbCapabilities;
  open(): Promise<DbConnection>;
  close(): Promise<void>;
}
