import { reportClose, type ComponentSetting } from '@infra-kit/kernel';
import type { DbConfig, DbOptions } from './db.config.js';
import { dbError, dbPlace, type DbPlace } from './db.errors.js';
import type { DbProvider } from './db.provider.js';
import { DefaultDbProvider } from './default-db.provider.js';
import type { DbDriver } from './drivers/db-driver.js';
import { Servers } from './open-servers.js';
import { QueryLog } from './orm/query-log.js';
import { parseDbConfig, structuralChanges } from './parse-db-config.js';
import { SchemaKeeper } from './schema/schema-keeper.js';
import { noShards } from './sharding/default-shards.js';
import type { Shards } from './sharding/shards.js';
import { ScopeStore } from './transactions/transaction-scope.js';
import { Transactions } from './transactions/transactions.js';

/** Opens servers, pools and ORMs, proves that the servers answer, and puts the parts together. */
export async function assembleDb(
  started: DbConfig,
  options: DbOptions,
  setting: ComponentSetting,
): Promise<DbProvider> {
  const { name, env, stack, reload, clock, logger } = setting;
  const place = dbPlace(name);
  let current = started;
  const log = new QueryLog(logger, name, () => current);
  const servers = new Servers(started, setting, place, log);

  const driver = await makeDriver(started, setting, started.url ?? started.sharding?.servers?.[0]?.url);
  const primary = await servers.openPrimary(driver);
  const replicas = await servers.openReplicas(place);
  const scopes = new ScopeStore();
  const transactions = new Transactions({
    place,
    clock,
    logger,
    scopes,
    home: 'primary',
    concurrent: driver.capabilities.concurrentTransactions,
    manager: () => primary.orm.em.fork({ disableContextResolution: true }),
    ...replicas,
  });
  const schema = new SchemaKeeper({
    place,
    orm: primary.orm,
    logger,
    capabilities: driver.capabilities,
    poolMax: started.pool.max,
    migrationsPath: started.migrations?.path,
  });
  const shards = await prepare(place, log, async (): Promise<Shards> => {
    const migrate = started.autoMigrate === true;
    if (migrate && (started.entities?.length ?? 0) > 0) await schema.autoMigrate();
    const { sharding } = started;
    if (sharding === undefined || servers.plan === undefined) return noShards(place);
    return servers.plan.open({
      place,
      clock,
      logger,
      log,
      stack,
      scopes,
      migrate,
      concurrent: driver.capabilities.concurrentTransactions,
      closed: () => servers.closed,
      config: sharding,
      servers: await servers.openShardServers(primary),
    });
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
    others: servers.others,
    managers: servers.managers,
    transactions,
    schema,
    shards,
    log,
    autoMigrates: started.autoMigrate === true,
    closed: () => servers.closed,
    close: async () => reportClose(logger, await stack.close()),
  });
}

async function prepare<T>(place: DbPlace, log: QueryLog, work: () => Promise<T>): Promise<T> {
  try {
    return await log.whileStarting(work);
  } catch (error) {
    throw dbError(place, error);
  }
}

async function makeDriver(
  config: DbConfig,
  setting: ComponentSetting,
  url: string | undefined,
): Promise<DbDriver> {
  if (config.driver === 'embedded') {
    const { embeddedDriver } = await import('./drivers/embedded/index.js');
    const { embedded, dataDir } = config;
    return embeddedDriver({ embedded, dataDir, logger: setting.logger });
  }
  const { PostgresqlDbDriver } = await import('./drivers/postgresql/index.js');
  return new PostgresqlDbDriver(url ?? '');
}
