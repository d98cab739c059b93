import { randomUUID } from 'node:crypto';
import type { ComponentSetting } from '@infra-kit/kernel';
import { AmbientManagers } from './context/ambient-managers.js';
import type { DbConfig } from './db.config.js';
import type { DbPlace } from './db.errors.js';
import type { DbConnection, DbDriver } from './drivers/db-driver.js';
import { openOrm, type OpenedOrm } from './orm/open-orm.js';
import { proveServer } from './orm/prove-server.js';
import type { QueryLog } from './orm/query-log.js';
import { RecentWrites } from './orm/recent-writes.js';
import { Replicas } from './orm/replicas.js';
import { ShardingPlan } from './sharding/open-shards.js';
import type { ShardServer } from './sharding/shard-setup.js';

/** The ORMs of one database: the primary's, and one a server of shards. */
export class Servers {
  readonly plan: ShardingPlan | undefined;
  readonly managers: AmbientManagers;
  readonly #config: DbConfig;
  readonly #setting: ComponentSetting;
  readonly #place: DbPlace;
  readonly #log: QueryLog;
  /** Unique in the process: two databases never meet in MikroORM's storage. */
  readonly #contextName: string;
  #primary: OpenedOrm | undefined;
  readonly #others: OpenedOrm[] = [];
  #closed = false;

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

  /** Whether the connections are closed, or about to be. */
  get closed(): boolean {
    return this.#closed;
  }

  /** All but the primary. */
  get others(): readonly OpenedOrm[] {
    return this.#others;
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
    this.#others.push(...opened);
    const writes = new RecentWrites(clock, replicaLagMs);
    this.#log.written = () => writes.note();
    return { writes, replicas: new Replicas({ place, clock, logger, writes }, opened) };
  }

  /** The first is the primary's own when both have one address: then they share its pool. */
  async openShardServers(primary: OpenedOrm): Promise<readonly [ShardServer, ...ShardServer[]]> {
    const named = this.#config.sharding?.servers;
    if (named === undefined) return [{ name: 'home', opened: primary }];
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
    this.#others.push(opened);
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
      place: this.#place,
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
        this.#closed = true;
        this.#log.quieten();
        return opened.close();
      },
    });
    return opened;
  }
}
