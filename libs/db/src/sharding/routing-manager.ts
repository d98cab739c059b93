import {
  BasePostgreSqlEntityManager,
  Reference,
  type EntityManager,
  type EntityMetadata,
  type Options,
} from '@mikro-orm/sql';
import { precondition, type DbPlace } from '../db.errors.js';
import type { ShardTables } from './shard-tables.js';
import type { ShardKey } from './slots.js';

/** What the routing needs of the shards; they are made after the ORM is. */
export interface ShardRoutes {
  readonly place: DbPlace;
  readonly tables: ShardTables;
  /** The context's manager for the shard of a key. */
  readonly managerOf: (key: ShardKey) => EntityManager;
  /** The shard managers that the context has used. */
  readonly used: () => readonly EntityManager[];
}

type Call = (this: EntityManager, ...args: unknown[]) => unknown;

/** Methods whose second argument says which rows, and those that have it in their options. */
const BY_WHERE = [
  'find',
  'findOne',
  'findOneOrFail',
  'findAndCount',
  'count',
  'nativeUpdate',
  'nativeDelete',
];
const BY_OPTIONS = ['findAll', 'findByCursor', 'stream'];
const BY_DATA = ['create', 'insert', 'upsert'];
/** These throw where the others reject. */
const SYNCHRONOUS: ReadonlySet<string> = new Set(['create', 'stream']);
const BY_ENTITY = ['persist', 'remove'];

const ownMethod = (name: string): Call => Reflect.get(BasePostgreSqlEntityManager.prototype, name) as Call;
const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

/**
 * An entity manager that sends what concerns a sharded entity to the shard of its key. A manager of a shard, which has
 * a schema, does everything itself.
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
  const dataOf = (name: string, pick: (args: readonly unknown[]) => unknown): void =>
    define(name, function routed(...args) {
      try {
        const target = targetOf(routes, this, args[0], () => pick(args));
        return ownMethod(name).apply(target ?? this, args);
      } catch (error) {
        if (SYNCHRONOUS.has(name)) throw error;
        return Promise.reject(error as Error);
      }
    });

  for (const name of BY_WHERE) dataOf(name, (args) => args[1]);
  for (const name of BY_OPTIONS) dataOf(name, (args) => memberOf(args[1], 'where'));
  for (const name of BY_DATA) dataOf(name, (args) => args[1] ?? args[0]);
  for (const name of BY_ENTITY)
    define(name, function routed(given) {
      for (const entity of listOf(given)) {
        const target = targetOf(routes, this, Reflect.get(Object(entity), 'constructor'), () => entity);
        ownMethod(name).call(target ?? this, entity);
      }
      return this;
    });
  define('flush', async function flushAll() {
    await ownMethod('flush').call(this);
    if (this.schema !== undefined || this.isInTransaction()) return;
    for (const em of routes.used()) await em.flush();
  });
  return RoutingEntityManager;
}

function listOf(given: unknown): unknown[] {
  const list =
    typeof given === 'object' && given !== null && Symbol.iterator in given
      ? [...(given as Iterable<unknown>)]
      : [given];
  return list.map((item) => (Reference.isReference(item) ? item.unwrap() : item));
}

function targetOf(
  { place, tables, managerOf }: ShardRoutes,
  em: EntityManager,
  entityName: unknown,
  rows: () => unknown,
): EntityManager | undefined {
  if (em.schema !== undefined) return undefined;
  const meta = metaOf(em, entityName);
  const key = meta === undefined ? undefined : tables.keyOf(meta);
  if (meta === undefined || key === undefined) return undefined;
  const value = tables.keyIn(meta, key, rows());
  if (em.isInTransaction())
    throw precondition(
      place,
      `${meta.className} is sharded and this transaction is the primary's; use shards.of(${key}).transaction`,
    );
  return managerOf(value);
}

function metaOf(em: EntityManager, entityName: unknown): EntityMetadata | undefined {
  const storage = em.getMetadata();
  const name =
    typeof entityName === 'object' && entityName !== null ? memberOf(entityName, 'constructor') : entityName;
  return (storage.find(entityName as never) ??
    (typeof name === 'function' ? storage.find(name as never) : undefined)) as EntityMetadata | undefined;
}
