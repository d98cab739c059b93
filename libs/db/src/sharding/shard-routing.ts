import type { EntityManager, EntityMetadata } from '@mikro-orm/sql';
import { precondition, type DbPlace } from '../db.errors.js';
import { conditionalCrossing, populatedCrossing } from './crossings.js';
import { shardOfSchema } from './shard-schema.js';
import type { ShardTables } from './shard-tables.js';
import type { ShardKey } from './slots.js';

/** What the routing needs of the shards; they are made after the ORM is. */
export interface ShardRoutes {
  readonly place: DbPlace;
  readonly tables: ShardTables;
  /** Where a key is now. */
  readonly indexOf: (key: ShardKey) => number;
  /** The manager for the shard of a key that goes with a manager that routes. */
  readonly managerOf: (key: ShardKey, router: EntityManager) => EntityManager;
  /** The shard managers that go with it. */
  readonly used: (router: EntityManager) => readonly EntityManager[];
  /** Runs a write again, by the new routes, while a slot moves. */
  readonly retried: <T>(work: () => Promise<T>) => Promise<T>;
}

/** One call of an entity manager, as far as routing looks at it. */
export interface RoutedCall {
  readonly entity: unknown;
  /** A condition, or the row itself. */
  readonly where?: unknown;
  /** All rows, where there are several. */
  readonly rows?: readonly unknown[] | undefined;
  readonly options?: unknown;
}

/** Where a call belongs: `home` to the manager it was made on, else to the one of a shard. */
export type Destination =
  | { readonly at: 'home' }
  | { readonly at: 'shard'; readonly em: EntityManager }
  | { readonly at: 'here'; readonly shard: number; readonly meta: EntityMetadata; readonly key: string };

const HOME = { at: 'home' } as const;

/** Says where a call goes, and refuses what would look into two databases or into all shards. */
export function destinationOf(routes: ShardRoutes, em: EntityManager, call: RoutedCall): Destination {
  const { place, tables, indexOf, managerOf } = routes;
  const meta = metaOf(em, call.entity);
  if (meta === undefined) return HOME;
  const key = tables.keyOf(meta);
  const shard = shardOfSchema(em.schema);
  if (shard !== undefined && key === undefined)
    throw precondition(
      place,
      `${meta.className} is not sharded, so it is not in shard ${shard}; use db.em() or db.transaction outside of the shard's transaction`,
    );
  refuseCrossing(routes, meta, call);
  if (key === undefined) return HOME;
  if (shard !== undefined) {
    const value = tables.foundIn(meta, key, call.where);
    if (value !== undefined && em.isInTransaction() && indexOf(value) !== shard)
      throw precondition(
        place,
        `this ${key} of ${meta.className} belongs to shard ${indexOf(value)}, and the transaction is in shard ${shard}; one transaction is in one shard`,
      );
    return { at: 'here', shard, meta, key };
  }
  const keys = (call.rows ?? [call.where]).map((row) => tables.keyIn(meta, key, row));
  const [first = ''] = keys;
  if (em.isInTransaction())
    throw precondition(
      place,
      `${meta.className} is sharded and this transaction is the primary's; use shards.of(${key}).transaction`,
    );
  if (keys.some((other) => indexOf(other) !== indexOf(first)))
    throw precondition(
      place,
      `these rows of ${meta.className} are in several shards; write those of each by itself`,
    );
  return { at: 'shard', em: managerOf(first, em) };
}

function refuseCrossing({ place, tables }: ShardRoutes, meta: EntityMetadata, call: RoutedCall): void {
  const option = (name: string): unknown =>
    typeof call.options === 'object' && call.options !== null ? Reflect.get(call.options, name) : undefined;
  const crossing =
    populatedCrossing(tables, meta, option('populate')) ??
    conditionalCrossing(tables, meta, call.where) ??
    conditionalCrossing(tables, meta, option('orderBy'));
  if (crossing === undefined) return;
  throw precondition(
    place,
    `${crossing} leads from a sharded table to one that is not, or back: no query spans both; read the other side by itself`,
  );
}

export function metaOf(em: EntityManager, entity: unknown): EntityMetadata | undefined {
  const storage = em.getMetadata();
  const type: unknown =
    typeof entity === 'object' && entity !== null ? Reflect.get(entity, 'constructor') : entity;
  return (storage.find(entity as never) ??
    (typeof type === 'function' ? storage.find(type as never) : undefined)) as EntityMetadata | undefined;
}
