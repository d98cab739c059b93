import { buildComponent, InfraError, type ComponentDeps } from '@infra-kit/kernel';
import type { DbOptions } from './db.config.js';
import type { DbProvider } from './db.provider.js';
import { parseDbConfig } from './parse-db-config.js';

/**
 * Makes a database. Configuration: what is passed, then DATABASE_URL, then `defaultDbConfig(env)`.
 * Rejects with a `ConfigError` for a bad configuration, and UNAVAILABLE (or what the server says) when it cannot be
 * reached in `connectRetry.attempts`; it leaves nothing open then. With `autoMigrate` the schema is there when it
 * resolves. The maker closes it.
 */
export function createDb(options: DbOptions = {}, deps: ComponentDeps = {}): Promise<DbProvider> {
  return buildComponent('db', deps, async (setting) => {
    const config = parseDbConfig(options, setting);
    const { assembleDb } = await loadEngine();
    return assembleDb(config, options, setting);
  });
}

async function loadEngine(): Promise<typeof import('./assemble-db.js')> {
  try {
    return await import('./assemble-db.js');
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new InfraError(
      'FAILED_PRECONDITION',
      'db: MikroORM is missing; install it: npm i @mikro-orm/core @mikro-orm/sql @mikro-orm/postgresql kysely',
      { component: 'db', cause: error },
    );
  }
}
