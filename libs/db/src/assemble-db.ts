import { randomUUID } from 'node:crypto';
import { reportClose, type ComponentSetting } from '@infra-kit/kernel';
import { AmbientManagers } from './context/ambient-managers.js';
import type { DbConfig, DbOptions } from './db.config.js';
import { dbError, dbPlace, type DbPlace } from './db.errors.js';
import type { DbProvider } from './db.provider.js';
import { DefaultDbProvider } from './default-db.provider.js';
import type { DbConnection, DbDriver } from './drivers/db-driver.js';
import { openOrm, type OpenedOrm } from './orm/open-orm.js';
import { proveServer } from './orm/prove-server.js';
import { QueryLog } from './orm/query-log.js';
import { RecentWrites } from './orm/recent-writes.js';
import { Replicas } from './orm/replicas.js';
import { parseDbConfig, structuralChanges } from './parse-db-config.js';
import { SchemaKeeper } from './schema/schema-keeper.js';
import { noShards } from './sharding/default-shards.js';
import { ShardingPlan } from './sharding/open-shards.js';
import type { ShardServer } from './sharding/shard-setup.js';
import type { Shards } from './sharding/shards.js';
import { ScopeStore, Transactions } from './transactions/transactions.js';

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
    replicas: replicas?.replicas,
    managers: servers.managers,
    transactions,
    schema,
    shards,
    log,
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
    return embeddedDriver({ embedded, dataDir, clock: setting.clock, logger: setting.logger });
  }
  const { PostgresqlDbDriver } = await import('./drivers/postgresql/index.js');
  return new PostgresqlDbDriver(url ?? '');
}

/** The ORMs of one database: the primary's, and one a server of shards. */
class Servers {
  readonly plan: ShardingPlan | undefined;
  readonly managers: AmbientManagers;
  readonly #config: DbConfig;
  readonly #setting: ComponentSetting;
  readonly #place: DbPlace;
  readonly #log: QueryLog;
  /** Unique in the process: two databases never meet in MikroORM's storage. */
  readonly #contextName: string;
  #primary: OpenedOrm | undefined;
  closed = false;

  constructor(config: DbConfig, setting: ComponentSetting, place: DbPlace, log: QueryLog) {
    this.#config = config;
    this.#setting = setting;
    this.#place = place;
    this.#log = log;
    this.#contextName = `infra-kit:${place.name}:${randomUUID()}`;
    this.plan = config.sharding === undefined ? undefined : new ShardingPlan(place, config.sharding);
    this.managers = new AmbientManagers(this.#contextName, () => {
      if (this.#primary === undefined) throw new Error('used before it was opened');
      return this.#primary.orm;
    });
  }

  async openPrimary(driver: DbDriver): Promise<OpenedOrm> {
    this.#setting.stack.push({
      name: `${this.#place.label} server`,
      phase: 'connections',
      close: () => driver.close(),
      timeoutMs: 15_000,
    });
    this.#primary = await this.#open(await driver.open(), {
      poolName: this.#place.name,
      poolless: driver.kind === 'pglite',
    });
    await this.#prove(this.#primary);
    return this.#primary;
  }

  /** They need not answer at the start: the primary reads until they do. */
  async openReplicas(
    place: DbPlace,
  ): Promise<{ readonly replicas: Replicas; readonly writes: RecentWrites } | undefined> {
    const { replicas: urls = [], replicaLagMs } = this.#config;
    if (urls.length === 0) return undefined;
    const { PostgresqlDbDriver } = await import('./drivers/postgresql/index.js');
    const { clock, logger } = this.#setting;
    const opened: OpenedOrm[] = [];
    for (const [index, url] of urls.entries()) {
      const poolName = `${place.name}.replica-${index + 1}`;
      opened.push(await this.#open(await new PostgresqlDbDriver(url).open(), { poolName }));
    }
    const writes = new RecentWrites(clock, replicaLagMs);
    this.#log.written = () => writes.note();
    return { writes, replicas: new Replicas({ place, clock, logger, writes }, opened) };
  }

  /** The first is the primary's own when both have one address: then they share its pool. */
  async openShardServers(primary: OpenedOrm): Promise<readonly [ShardServer, ...ShardServer[]]> {
    const named = this.#config.sharding?.servers;
    if (named === undefined) return [{ name: 'embedded', opened: primary }];
    const home = this.#config.url ?? named[0]?.url;
    const opened: ShardServer[] = [];
    for (const { name, url } of named)
      opened.push({ name, opened: url === home ? primary : await this.#openShardServer(name, url) });
    const [first, ...rest] = opened;
    if (first === undefined) throw new Error('the configuration names no server');
    return [first, ...rest];
  }

  async #openShardServer(name: string, url: string): Promise<OpenedOrm> {
    const { PostgresqlDbDriver } = await import('./drivers/postgresql/index.js');
    const opened = await this.#open(await new PostgresqlDbDriver(url).open(), {
      poolName: `${this.#place.name}.${name}`,
    });
    await this.#prove(opened);
    return opened;
  }

  async #prove(opened: OpenedOrm): Promise<void> {
    await this.#log.whileStarting(() => proveServer(opened, this.#place, this.#config, this.#setting));
  }

  async #open(
    connection: DbConnection,
    { poolName, poolless = false }: { readonly poolName: string; readonly poolless?: boolean },
  ): Promise<OpenedOrm> {
    const opened = await openOrm(connection, {
      config: this.#config,
      entities: this.#config.entities ?? [],
      log: this.#log,
      contextName: this.#contextName,
      ambient: () => this.managers.ofContext(),
      applicationName: this.#setting.service,
      poolName,
      poolless,
      more: this.plan?.ormOptions,
    });
    this.#setting.stack.push({
      name: `${this.#place.label} ${opened.address}`,
      phase: 'connections',
      close: () => {
        this.closed = true;
        this.#log.quieten();
        return opened.close();
      },
    });
    return opened;
  }
}
