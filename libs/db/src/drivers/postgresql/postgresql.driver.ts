import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { redactUrl } from '@infra-kit/kernel';
import type { DbCapabilities, DbConnection, DbDriver } from '../db-driver.js';

/** A PostgreSQL server by its address. */
export class PostgresqlDbDriver implements DbDriver {
  readonly kind = 'postgresql';
  readonly capabilities: DbCapabilities = {
    concurrentTransactions: true,
    cancellation: true,
    sessions: true,
  };
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async open(): Promise<DbConnection> {
    return {
      driver: PostgreSqlDriver,
      clientUrl: this.#url,
      address: redactUrl(this.#url),
    };
  }

  async close(): Promise<void> {
    // nothing was started
  }
}
