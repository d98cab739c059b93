import type { EntityManager, Options } from '@mikro-orm/sql';
import type { Clock, Logger, ResourceStack } from '@infra-kit/kernel';
import type { DbShardingConfig } from '../db.config.js';
import type { DbPlace } from '../db.errors.js';
import type { OpenedOrm } from '../orm/open-orm.js';
import type { QueryLog } from '../orm/query-log.js';
import type { ScopeStore } from '../transactions/transaction-scope.js';
import { Transactions } from '../transactions/transactions.js';
import { DefaultShards } from './default-shards.js';
import { MovedSlots } from './moved-slots.js';
import { routingManager } from './routing-manager.js';
import { ShardManagers } from './shard-managers.js';
import { ROUTE_AGE_MS, ShardMap } from './shard-map.js';
import { setUpShards, type ShardServer } from './shard-setup.js';
import { shardSchema } from './shard-schema.js';
import { ShardTables } from './shard-tables.js';
import { SlotMover } from './slot-move.js';
import { inOrder } from './slot-tables.js';
import { SlotSubscriber } from './slot-subscriber.js';

interface Opened {
  readonly shards: DefaultShards;
  readonly managers: ShardManagers;
  readonly moved: MovedSlots;
}

interface ShardsSetting {
  readonly place: DbPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly log: QueryLog;
  readonly stack: ResourceStack;
  readonly scopes: ScopeStore;
  readonly config: DbShardingConfig;
  readonly servers: readonly [ShardServer, ...ShardServer[]];
  readonly migrate: boolean;
  /** Transactions run beside each other. */
  readonly concurrent: boolean;
  readonly closed: () => boolean;
}

/** What sharding changes about every ORM of the database, before it is made. */
export class ShardingPlan {
  readonly tables: ShardTables;
  readonly ormOptions: Pick<Options, 'discovery' | 'subscribers' | 'entityManager'>;
  #opened: Opened | undefined;

  constructor(place: DbPlace, config: DbShardingConfig) {
    this.tables = new ShardTables(place, config.tables);
    const opened = (): Opened => {
      if (this.#opened === undefined) throw new Error('used before the shards were opened');
      return this.#opened;
    };
    const indexOf: DefaultShards['indexOfKey'] = (key) => opened().shards.indexOfKey(key);
    this.ormOptions = {
      discovery: {
        onMetadata: (meta) => this.tables.mark(meta),
        afterDiscovered: (storage) => this.tables.release(storage),
        warnWhenNoEntities: false,
      },
      subscribers: [new SlotSubscriber(place, this.tables, (slots) => opened().moved.noticed(slots))],
      entityManager: routingManager({
        place,
        tables: this.tables,
        indexOf,
        managerOf: (key, router) => opened().managers.ofContext(indexOf(key), router),
        used: (router) => opened().managers.used(router),
        retried: (work) => opened().moved.retried(work),
      }),
    };
  }

  /** The shards, on servers that are open; they are made there where they are missing. */
  async open(setting: ShardsSetting): Promise<DefaultShards> {
    const { place, clock, logger, log, config, servers, migrate, concurrent, closed } = setting;
    const metadata = servers[0].opened.orm.getMetadata();
    this.tables.verify(metadata);
    const homes = await setUpShards({ place, servers, shards: config.shards, migrate, concurrent });
    const routing = (): EntityManager => fork(servers[0].opened);
    const map = new ShardMap(routing);
    await map.refresh();
    const managers = new ShardManagers(
      place,
      homes.map((server, index) => shardOn(setting, server, index)),
    );
    const mover = new SlotMover({
      place,
      clock,
      routing,
      concurrent,
      tables: inOrder([...metadata.getAll().values()], (meta) => this.tables.keyOf(meta)),
      ends: homes.map(({ opened }, shard) => ({
        shard,
        server: opened,
        em: () => fork(opened, shardSchema(shard)),
      })),
    });
    const moved = new MovedSlots({ clock, logger, map, mover });
    const shards = new DefaultShards({
      place,
      logger,
      log,
      map,
      managers,
      mover,
      moved,
      tables: this.tables,
      closed,
    });
    this.#opened = { shards, managers, moved };
    keepFresh(setting, map, moved);
    await moved.lookAround();
    return shards;
  }
}

function shardOn(
  { place, clock, logger, scopes, concurrent }: ShardsSetting,
  server: ShardServer,
  index: number,
): ShardManagers['all'][number] {
  const home = shardSchema(index);
  const manager = (): EntityManager => fork(server.opened, home);
  const transactions = new Transactions({ place, clock, logger, scopes, concurrent, home, manager });
  return { index, server, transactions };
}

function keepFresh({ place, clock, logger, stack }: ShardsSetting, map: ShardMap, moved: MovedSlots): void {
  const timer = clock.setInterval(() => {
    map
      .refresh()
      .catch((error: unknown) => logger.warn('the shard routes could not be read', { err: error }));
  }, ROUTE_AGE_MS);
  timer.unref();
  stack.push({
    name: `${place.label} routes`,
    phase: 'connections',
    close: () => {
      timer[Symbol.dispose]();
      moved.close();
    },
  });
}

function fork({ orm }: OpenedOrm, schema?: string): EntityManager {
  return orm.em.fork({ disableContextResolution: true, ...(schema !== undefined && { schema }) });
}
