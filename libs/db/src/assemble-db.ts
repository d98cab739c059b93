import { randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/sql';
import { messageOf, reportClose, type ComponentSetting } from '@infra-kit/kernel';
import { AmbientManagers } from './context/ambient-managers.js';
import type { DbConfig, DbOptions } from './db.config.js';
import { dbError, DbError, dbPlace, type DbPlace } from './db.errors.js';
import type { DbProvider } from './db.provider.js';
import { DefaultDbProvider } from './default-db.provider.js';
import type { DbDriver } from './drivers/db-driver.js';
import { openOrm, type OpenedOrm } from './orm/open-orm.js';
import { QueryLog } from './orm/query-log.js';
import { parseDbConfig, structuralChanges } from './parse-db-config.js';
import { SchemaKeeper } from './schema/schema-keeper.js';
import { Transactions } from './transactions/transactions.js';

/** Opens server, pool and ORM, proves that the server answers, and puts the parts together. */
export async function assembleDb(
  started: DbConfig,
  options: DbOptions,
  setting: ComponentSetting,
): Promise<DbProvider> {
  const { name, env, stack, reload, clock, logger, service } = setting;
  const place = dbPlace(name);
  let current = started;
  const log = new QueryLog(logger, name, () => current);
  const contextName = `infra-kit:${name}:${randomUUID()}`;

  const driver = await makeDriver(started, setting);
  stack.push({
    name: `${place.label} server`,
    phase: 'connections',
    close: () => driver.close(),
    timeoutMs: 15_000,
  });
  const managers: AmbientManagers = new AmbientManagers(contextName, () => primary.orm);
  const primary = await openOrm(await driver.open(), {
    config: started,
    entities: started.entities ?? [],
    log,
    contextName,
    ambient: () => managers.ofContext(),
    applicationName: service,
    poolless: driver.kind === 'pglite',
  });
  let closed = false;
  stack.push({
    name: place.label,
    phase: 'connections',
    close: () => {
      closed = true;
      return primary.orm.close(true);
    },
  });
  await prove(primary, place, started, setting);

  const transactions = new Transactions({
    place,
    clock,
    logger,
    concurrent: driver.capabilities.concurrentTransactions,
    manager: () => primary.orm.em.fork({ disableContextResolution: true }) as EntityManager,
  });
  const schema = new SchemaKeeper({
    place,
    orm: primary.orm,
    logger,
    capabilities: driver.capabilities,
    poolMax: started.pool.max,
    migrationsPath: started.migrations?.path,
  });
  if (started.autoMigrate === true && (started.entities?.length ?? 0) > 0)
    await schema.autoMigrate().catch((error: unknown) => {
      throw dbError(place, error);
    });

  const registration = reload?.register({
    component: 'db',
    instance: name,
    parse: (document) => parseDbConfig({ ...options, ...Object(document) }, { env, instance: name }),
    apply: (next) => {
      current = next;
      return structuralChanges(started, next);
    },
  });
  if (registration)
    stack.push({
      name: `${place.label} reload`,
      phase: 'connections',
      close: () => registration[Symbol.dispose](),
    });
  return new DefaultDbProvider({
    place,
    driver,
    primary,
    managers,
    transactions,
    schema,
    log,
    closed: () => closed,
    close: async () => reportClose(logger, await stack.close()),
  });
}

async function makeDriver(config: DbConfig, setting: ComponentSetting): Promise<DbDriver> {
  if (config.driver === 'embedded') {
    const { embeddedDriver } = await import('./drivers/embedded/index.js');
    const { embedded, dataDir } = config;
    return embeddedDriver({ embedded, dataDir, clock: setting.clock, logger: setting.logger });
  }
  const { PostgresqlDbDriver } = await import('./drivers/postgresql/index.js');
  return new PostgresqlDbDriver(config.url ?? '', config.replicas ?? []);
}

/** MikroORM resolves without a server: the first query tells. */
async function prove(
  { orm, address }: OpenedOrm,
  place: DbPlace,
  config: DbConfig,
  { clock, logger }: ComponentSetting,
): Promise<void> {
  const { attempts, delayMs } = config.connectRetry;
  for (let attempt = 1; ; attempt++) {
    try {
      await orm.em.fork().execute('select 1');
      return;
    } catch (error) {
      const { code, message } = dbError(place, error);
      if (attempt >= attempts || code !== 'UNAVAILABLE')
        throw new DbError(
          code,
          `${place.label}: cannot start on ${address}: ${message}; start the server, or correct the address (url, DATABASE_URL)`,
          { component: 'db', instance: place.name, cause: error },
        );
      logger.warn('the database does not answer yet', { attempt, attempts, error: messageOf(error) });
    }
    await clock.sleep(delayMs);
  }
}
