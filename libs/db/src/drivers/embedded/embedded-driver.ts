import { InfraError, type Logger } from '@infra-kit/kernel';
import type { DbDriver } from '../db-driver.js';
import { EmbeddedPostgresDriver } from './embedded-postgres.driver.js';
import { findPostgres, platformPackage } from './postgres-binaries.js';
import { serverUser } from './server-user.js';

export interface EmbeddedDriverOptions {
  /** `postgres`: a server of the npm platform package. `pglite`: in this process, with its limits. */
  readonly embedded: 'postgres' | 'pglite';
  /** Keeps the data; without it they go at close. */
  readonly dataDir?: string | undefined;
  readonly logger: Logger;
}

/** The embedded driver that runs here: PGlite, with a warning, where no PostgreSQL is installed for this platform. */
export async function embeddedDriver(options: EmbeddedDriverOptions): Promise<DbDriver> {
  const { embedded, dataDir, logger } = options;
  if (embedded === 'pglite') return loadPglite(dataDir);
  const user = serverUser();
  const binaries = await findPostgres(user);
  if (binaries !== undefined) return new EmbeddedPostgresDriver({ binaries, user, dataDir });
  const wanted = platformPackage();
  const remedy =
    wanted === undefined
      ? 'there is no package for this platform; pass url to use a server'
      : `npm i -D ${wanted}`;
  const driver = await loadPglite(dataDir, remedy);
  logger.warn('no embedded PostgreSQL runs here, PGlite takes its place: one transaction at a time', {
    remedy,
  });
  return driver;
}

async function loadPglite(dataDir: string | undefined, remedy?: string): Promise<DbDriver> {
  try {
    const { PgliteDbDriver } = await import('./pglite.driver.js');
    return new PgliteDbDriver(dataDir);
  } catch (error) {
    const what =
      remedy === undefined
        ? "embedded: 'pglite' needs the package @mikro-orm/pglite; install it: npm i @mikro-orm/pglite"
        : `no embedded database is installed: ${remedy}, or npm i @mikro-orm/pglite`;
    throw new InfraError('FAILED_PRECONDITION', `db: ${what}`, { component: 'db', cause: error });
  }
}
