import { join, resolve } from 'node:path';
import { PgliteDriver } from '@mikro-orm/pglite';
import type { DbCapabilities, DbConnection, DbDriver } from '../db-driver.js';
import { FolderLock } from './folder-lock.js';

/**
 * PGlite: PostgreSQL inside this process, one session and one transaction at a time. Two processes on one folder would
 * destroy each other's data, so a lock keeps the second out.
 */
export class PgliteDbDriver implements DbDriver {
  readonly kind = 'pglite';
  readonly capabilities: DbCapabilities = {
    concurrentTransactions: false,
    cancellation: false,
    sessions: false,
  };
  readonly #folder: string | undefined;
  #lock: FolderLock | undefined;

  constructor(dataDir: string | undefined) {
    this.#folder = dataDir === undefined ? undefined : resolve(dataDir);
  }

  async open(): Promise<DbConnection> {
    if (this.#folder !== undefined) this.#lock = await FolderLock.take(this.#folder);
    const dbName = this.#folder === undefined ? 'memory://' : join(this.#folder, 'pglite');
    return { driver: PgliteDriver, dbName, address: dbName };
  }

  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
  }
}
