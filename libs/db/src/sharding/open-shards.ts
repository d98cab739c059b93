import type { EntityManager, Options } from '@mikro-orm/sql';
import type { Clock, Logger, ResourceStack } from '@infra-kit/kernel';
import type { DbShardingConfig } from '../db.config.js';
import type { DbPlace } from '../db.errors.js';
import type { OpenedOrm } from '../orm/open-orm.js';
import type { QueryLog } from '../orm/query-log.js';
import { Transactions, type ScopeStore } from '../transactions/transactions.js';
import { DefaultShards } from './default-shards.js';
import { routingManager } from './routing-manager.js';
import { ROUTE_AGE_MS, ShardMap } from './shard-map.js';
import { setUpShards, type ShardServer } from './shard-setup.js';
import { shardSchema } from './shard-schema.js';
import { ShardTables } from './shard-tables.js';
import { SlotSubscriber } from './slot-subscriber.js';

/** What sharding changes about every ORM of the database, before it is made. */
export class ShardingPlan {
  readonly tables: ShardTables;
  readonly ormOptions: Pick<Options, 'discovery' | 'subscribers' | 'entityManager'>;
  #shards: DefaultShards | undefined;

  constructor(place: DbPlace, config: DbShardingConfig) {
    this.tables = new ShardTables(place, config.tables);
    const shards = (): DefaultShards => {
      if (this.#shards === undefined) throw new Error('used before the shards were opened');
      return this.#shards;
    };
    this.ormOptions = {
      discovery: { onMetadata: (meta) => this.tables.mark(meta), warnWhenNoEntities: false },
      subscribers: [new SlotSubscriber(place, this.tables)],
      entityManager: routingManager({
        place,
        tables: this.tables,
        managerOf: (key) => shards().of(key).em(),
        used: () => shards().used(),
      }),
    };
  }

  /** The shards, on servers that are open; they are made there where they are missing. */
  async open(parts: {
    readonly place: DbPlace;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly log: QueryLog;
    readonly stack: ResourceStack;
    readonly scopes: ScopeStore;
    readonly config: DbShardingConfig;
    readonly servers: readonly [ShardServer, ...ShardServer[]];
    readonly migrate: boolean;
  }): Promise<DefaultShards> {
    const { place, clock, logger, log, stack, scopes, config, servers, migrate } = parts;
    const routing = (): EntityManager => fork(servers[0].opened);
    this.tables.verify(servers[0].opened.orm.getMetadata());
    const homes = await setUpShards({ place, servers, shards: config.shards, migrate });
    const map = new ShardMap(routing);
    await map.refresh();
    const timer = clock.setInterval(() => {
      map
        .refresh()
        .catch((error: unknown) => logger.warn('the shard routes could not be read', { err: error }));
    }, ROUTE_AGE_MS);
    timer.unref();
    stack.push({ name: `${place.label} routes`, phase: 'connections', close: () => timer[Symbol.dispose]() });
    this.#shards = new DefaultShards({
      place,
      clock,
      log,
      map,
      routing,
      tables: this.tables,
      shards: homes.map((server, index) => ({
        index,
        server,
        transactions: new Transactions({
          place,
          clock,
          logger,
          scopes,
          concurrent: true,
          home: shardSchema(index),
          manager: () => fork(server.opened, shardSchema(index)),
        }),
      })),
    });
    return this.#shards;
  }
}

function fork({ orm }: OpenedOrm, schema?: string): EntityManager {
  return orm.em.fork({ disableContextResolution: true, ...(schema !== undefined && { schema }) });
}
