import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { DbCapabilities, DbConnection, DbDriver } from '../db-driver.js';
import { EmbeddedServer } from './embedded-server.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import type { ServerUser } from './server-user.js';

/** A real PostgreSQL, started by this process on a folder, or found running there. */
export class EmbeddedPostgresDriver implements DbDriver {
  readonly kind = 'embedded';
  readonly capabilities: DbCapabilities = {
    concurrentTransactions: true,
    cancellation: true,
    sessions: true,
  };
  readonly #server: EmbeddedServer;

  constructor(options: {
    readonly binaries: PostgresBinaries;
    readonly user: ServerUser | undefined;
    readonly dataDir: string | undefined;
  }) {
    this.#server = new EmbeddedServer(options);
  }

  /** Whether closing this driver ends the server. */
  get ownsServer(): boolean {
    return this.#server.owned;
  }

  async open(): Promise<DbConnection> {
    const { host, port } = await this.#server.start();
    return {
      driver: PostgreSqlDriver,
      host,
      port,
      user: 'postgres',
      password: '',
      dbName: 'postgres',
      address: `${host}:${port}`,
    };
  }

  close(): Promise<void> {
    return this.#server.stop();
  }
}
