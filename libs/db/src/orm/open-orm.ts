import type { EntityManager, MikroORM, Options } from '@mikro-orm/sql';
import type { Pool } from 'pg';
import { messageOf } from '@infra-kit/kernel';
import type { DbConfig, DbEntity } from '../db.config.js';
import { invalidArgument, type DbPlace } from '../db.errors.js';
import type { DbConnection } from '../drivers/db-driver.js';
import { PoolGauges } from './pool-gauges.js';
import { cutUnlessEnded } from './overdue.js';
import { PoolGuard } from './pool-guard.js';
import type { QueryLog } from './query-log.js';
import { quietConnection } from './quiet-connection.js';

/** What still runs when the connections are closed has so long to end; a closer has five seconds in all. */
const CLOSE_GRACE_MS = 3000;

/** MikroORM on one server, and the pool underneath (none in PGlite). */
export interface OpenedOrm {
  readonly orm: MikroORM;
  readonly pools: readonly Pool[];
  /** Closes the connections. */
  close(): Promise<void>;
  readonly address: string;
}

export interface OrmSetting {
  readonly place: DbPlace;
  readonly config: DbConfig;
  readonly entities: readonly DbEntity[];
  readonly log: QueryLog;
  /** The entity manager of the place that asks, for `orm.em` and repositories. */
  readonly ambient: () => EntityManager | undefined;
  /** Unique in the process: two applications never meet in MikroORM's storage. */
  readonly contextName: string;
  readonly applicationName: string;
  /** What sharding changes. */
  readonly more?: Partial<Options> | undefined;
  /** For the pool's metrics. */
  readonly poolName: string;
  /** PGlite takes no settings of a pool. */
  readonly poolless: boolean;
}

/** Makes the ORM without a connection: the first query opens one. */
export async function openOrm(connection: DbConnection, setting: OrmSetting): Promise<OpenedOrm> {
  const { place, config, entities, log, ambient, contextName, applicationName, poolName, poolless, more } =
    setting;
  const { address, driver, ...where } = connection;
  const { MikroORM: Orm } = await import('@mikro-orm/sql');
  const pools: Pool[] = [];
  const gauges: PoolGauges[] = [];
  const guards: PoolGuard[] = [];
  const options: Options = {
    ...where,
    ...(driver && { driver }),
    entities: [...entities],
    contextName,
    context: () => ambient() as never,
    discovery: { warnWhenNoEntities: false },
    ensureDatabase: false, // a typing error in the address makes no database
    forceUtcTimezone: true,
    loggerFactory: () => log,
    onCreateConnection: quietConnection,
    pool: { min: config.pool.min, max: config.pool.max, idleTimeoutMillis: config.pool.idleTimeoutMs },
    ...(poolless
      ? {}
      : {
          driverOptions: {
            connectionTimeoutMillis: config.pool.acquireTimeoutMs,
            statement_timeout: config.statementTimeoutMs,
            application_name: applicationName,
            keepAlive: true,
            onPoolCreated: (pool: Pool) => {
              pools.push(pool);
              guards.push(new PoolGuard(pool));
              gauges.push(new PoolGauges(pool, poolName));
            },
          },
        }),
    ...(config.migrations && {
      extensions: [(await import('@mikro-orm/migrations')).Migrator],
      migrations: { path: config.migrations.path, snapshot: false },
    }),
  };
  const orm = await Orm.init({ ...options, ...more, connect: false } as Options).catch((error: unknown) => {
    // nothing is connected here: what can be wrong is what the entities say
    throw invalidArgument(place, `entities: ${messageOf(error)}`, error);
  });
  for (const entity of entities)
    if (typeof entity === 'function' && orm.getMetadata().find(entity) === undefined)
      throw invalidArgument(
        place,
        `entities: ${entity.name} is no entity; decorate it with @Entity, or use what defineEntity returns`,
      );
  const close = async (): Promise<void> => {
    for (const gauge of gauges) gauge[Symbol.dispose]();
    const closing = orm.close(true);
    for (const guard of guards) guard.refuseWaiting();
    cutUnlessEnded(() => guards.forEach((guard) => guard.cutAll()), closing, CLOSE_GRACE_MS);
    await closing;
  };
  return { orm, pools, address, close };
}
