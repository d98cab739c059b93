import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { redactUrl } from '@infra-kit/kernel';
import type { DbCapabilities, DbConnection, DbDriver } from '../db-driver.js';

/** A PostgreSQL server by its address, with replicas that read. */
export class PostgresqlDbDriver implements DbDriver {
  readonly kind = 'postgresql';
  readonly capabilities: DbCapabilities = {
    concurrentTransactions: true,
    cancellation: true,
    sessions: true,
  };
  readonly #url: string;
  readonly #replicas: readonly string[];

  constructor(url: string, replicas: readonly string[] = []) {
    this.#url = url;
    this.#replicas = replicas;
  }

  async open(): Promise<DbConnection> {
    return {
      driver: PostgreSqlDriver,
      clientUrl: this.#url,
      replicas: this.#replicas.map((clientUrl, index) => ({ name: `replica-${index + 1}`, clientUrl })),
      address: redactUrl(this.#url),
    };
  }

  async close(): Promise<void> {
    // nothing was started
  }
}
