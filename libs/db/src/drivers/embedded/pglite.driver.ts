import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PgliteDriver } from '@mikro-orm/pglite';
import { InfraError } from '@infra-kit/kernel';
import type { DbCapabilities, DbConnection, DbDriver } from '../db-driver.js';
import { isAlive } from './postmaster.js';

/**
 * PGlite: PostgreSQL inside this process, one session and one transaction at a time. Two processes on one folder would
 * destroy each other's data, so a lock file keeps the second out.
 */
export class PgliteDbDriver implements DbDriver {
  readonly kind = 'pglite';
  readonly capabilities: DbCapabilities = {
    concurrentTransactions: false,
    cancellation: false,
    sessions: false,
  };
  readonly #folder: string | undefined;
  #lock: string | undefined;

  constructor(dataDir: string | undefined) {
    this.#folder = dataDir === undefined ? undefined : resolve(dataDir);
  }

  async open(): Promise<DbConnection> {
    if (this.#folder !== undefined) this.#lock = await lockFolder(this.#folder);
    const dbName = this.#folder === undefined ? 'memory://' : join(this.#folder, 'pglite');
    return { driver: PgliteDriver, dbName, address: dbName };
  }

  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    if (lock !== undefined) await rm(lock, { force: true });
  }
}

async function lockFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'pglite.lock');
  for (;;) {
    const file = await open(path, 'wx').catch((error: unknown) => {
      if (Reflect.get(Object(error), 'code') === 'EEXIST') return undefined;
      throw error;
    });
    if (file !== undefined) {
      await file.writeFile(String(process.pid));
      await file.close();
      return path;
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (holder > 0 && isAlive(holder))
      throw new InfraError(
        'FAILED_PRECONDITION',
        `db: process ${holder} has ${folder} open; PGlite allows one: use embedded: 'postgres', or another dataDir`,
        { component: 'db' },
      );
    await rm(path, { force: true });
  }
}
