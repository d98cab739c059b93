import { helper, Reference, Utils } from '@mikro-orm/core';
import { BasePostgreSqlEntityManager, type EntityManager, type Options } from '@mikro-orm/sql';
import { precondition } from '../db.errors.js';
import { keyCannotChange } from './owned-slots.js';
import { destinationOf, metaOf, type RoutedCall, type ShardRoutes } from './shard-routing.js';
import { shardOfSchema } from './shard-schema.js';
import { heldWrite, NATIVE_WRITES } from './shard-writes.js';

type Args = readonly unknown[];
type Call = (this: EntityManager, ...args: unknown[]) => unknown;

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

/** Reads, by the place of what says which rows. */
const READS: Readonly<Record<string, (args: Args) => RoutedCall>> = {
  ...Object.fromEntries(
    ['find', 'findOne', 'findOneOrFail', 'findAndCount', 'count'].map((name) => [
      name,
      ([entity, where, options]: Args) => ({ entity, where, options }),
    ]),
  ),
  ...Object.fromEntries(
    ['findAll', 'findByCursor', 'stream'].map((name) => [
      name,
      ([entity, options]: Args) => ({ entity, where: memberOf(options, 'where'), options }),
    ]),
  ),
  create: ([entity, data]) => ({ entity, where: data }),
};
/** These throw where the others reject. */
const SYNCHRONOUS: ReadonlySet<string> = new Set(['create', 'stream']);

const ownMethod = (name: string): Call => Reflect.get(BasePostgreSqlEntityManager.prototype, name) as Call;

/**
 * An entity manager that sends what concerns a sharded entity to the shard of its key. A manager of a shard, which has
 * a schema, does it itself, and holds the slots of what it writes.
 */
export function routingManager(routes: ShardRoutes): NonNullable<Options['entityManager']> {
  class RoutingEntityManager extends BasePostgreSqlEntityManager {}

  const define = (name: string, value: Call): void => {
    Object.defineProperty(RoutingEntityManager.prototype, name, {
      value,
      configurable: true,
      writable: true,
    });
  };

  for (const [name, read] of Object.entries(READS))
    define(name, function routed(...args) {
      try {
        const destination = destinationOf(routes, this, read(args));
        return ownMethod(name).apply(destination.at === 'shard' ? destination.em : this, args);
      } catch (error) {
        if (SYNCHRONOUS.has(name)) throw error;
        return Promise.reject(error as Error);
      }
    });

  for (const name of Object.keys(NATIVE_WRITES))
    define(name, async function written(...args) {
      return write(routes, this, name, args);
    });

  for (const name of ['persist', 'remove'])
    define(name, function routed(given) {
      for (const entity of listOf(given)) {
        const destination = destinationOf(routes, this, { entity, where: entity });
        ownMethod(name).call(destination.at === 'shard' ? destination.em : this, entity);
      }
      return this;
    });

  define('populate', function populated(entities, ...rest) {
    const [first] = Utils.asArray(entities as object | object[]);
    const em = first === undefined ? this : (managerOf(first) ?? this);
    const call = { entity: Reflect.get(Object(first), 'constructor'), options: { populate: rest[0] } };
    try {
      if (shardOfSchema(em.schema) !== undefined || first === undefined) destinationOf(routes, em, call);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return ownMethod('populate').call(em, entities, ...rest);
  });

  define('createQueryBuilder', function built(entity, ...rest) {
    const meta = metaOf(this, entity);
    const key = meta && routes.tables.keyOf(meta);
    const builder = ownMethod('createQueryBuilder').call(this, entity, ...rest);
    if (meta === undefined || key === undefined) return builder;
    const shard = shardOfSchema(this.schema);
    if (shard === undefined)
      throw precondition(
        routes.place,
        `${meta.className} is sharded by ${key}, and a query builder does not route by it; use shards.of(${key}).em()`,
      );
    return this.isInTransaction() ? builder : readingOnly(routes, builder, key);
  });

  define('flush', async function flushAll() {
    await ownMethod('flush').call(this);
    if (shardOfSchema(this.schema) !== undefined || this.isInTransaction()) return;
    for (const em of routes.used(this)) await em.flush();
  });
  return RoutingEntityManager;
}

function write(routes: ShardRoutes, em: EntityManager, name: string, args: Args): Promise<unknown> {
  const { by, options: at } = NATIVE_WRITES[name] ?? { by: 'where', options: 2 };
  const [entity, second] = args;
  const alone = second === undefined; // insert(entity): the row says what it is
  const data = alone ? entity : second;
  const rows = by === 'where' ? undefined : by === 'row' ? [data] : (data as readonly unknown[]);
  const call = {
    entity: alone && by === 'rows' ? rows?.[0] : entity,
    where: rows === undefined ? data : rows[0],
    rows,
  };
  if (by === 'where') refuseNewKey(routes, em, { entity, where: data, change: args[2] });
  const destination = destinationOf(routes, em, call);
  if (destination.at === 'home' || rows?.length === 0) return own(em, name, args);
  if (destination.at === 'shard')
    return routes.retried(async () => {
      const again = destinationOf(routes, em, call);
      return again.at === 'shard'
        ? (Reflect.get(again.em, name) as Call).apply(again.em, [...args])
        : undefined;
    });
  const { shard, meta, key } = destination;
  const { place, tables } = routes;
  const held = { place, tables, em, shard, meta, key, rows, where: data };
  return heldWrite(held, Object(args[at] ?? {}) as Record<string, unknown>, (options) => {
    const given = [...args];
    given[at] = options;
    return own(em, name, given);
  });
}

/** A row that got another key would stay where the old one lives. */
function refuseNewKey(
  { place, tables }: ShardRoutes,
  em: EntityManager,
  { entity, where, change }: { readonly entity: unknown; readonly where: unknown; readonly change: unknown },
): void {
  const meta = metaOf(em, entity);
  const key = meta && tables.keyOf(meta);
  if (meta === undefined || key === undefined || memberOf(change, key) === undefined) return;
  const [from, to] = [tables.foundIn(meta, key, where), tables.foundIn(meta, key, change)];
  if (from === undefined || to === undefined || String(from) !== String(to))
    throw keyCannotChange(place, meta.className, key);
}

async function own(em: EntityManager, name: string, args: Args): Promise<unknown> {
  return ownMethod(name).apply(em, [...args]);
}

/** The manager that an entity belongs to. */
const managerOf = (entity: object): EntityManager | undefined =>
  Utils.isEntity(entity) ? (helper(entity).__em as EntityManager | undefined) : undefined;

/** Outside of a transaction nothing holds the slot for what a builder writes. */
function readingOnly({ place }: ShardRoutes, builder: unknown, key: string): unknown {
  for (const method of ['insert', 'update', 'delete', 'truncate', 'upsert'])
    Reflect.set(Object(builder), method, () => {
      throw precondition(
        place,
        `a query builder writes to a shard in its transaction alone; use shards.of(${key}).transaction`,
      );
    });
  return builder;
}

function listOf(given: unknown): object[] {
  const list =
    typeof given === 'object' && given !== null && Symbol.iterator in given
      ? [...(given as Iterable<object>)]
      : [Object(given) as object];
  return list.map((item) => (Reference.isReference(item) ? (item.unwrap() as object) : item));
}
