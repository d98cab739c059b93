import type { EntityMetadata, EntityName, MetadataStorage } from '@mikro-orm/sql';
import { invalidArgument, precondition, type DbPlace } from '../db.errors.js';
import type { DbShardTableConfig } from '../db.config.js';
import type { ShardKey } from './slots.js';

/** Which tables are sharded, and by which property of their entities. */
export class ShardTables {
  readonly #place: DbPlace;
  readonly #keys: ReadonlyMap<string, string>;

  constructor(place: DbPlace, tables: ReadonlyMap<string, DbShardTableConfig>) {
    this.#place = place;
    this.#keys = new Map([...tables].map(([table, { key }]) => [table, key]));
  }

  get names(): readonly string[] {
    return [...this.#keys.keys()];
  }

  has(table: string): boolean {
    return this.#keys.has(table);
  }

  check(table: string): void {
    if (!this.#keys.has(table))
      throw invalidArgument(
        this.#place,
        `table ${JSON.stringify(table)} is not sharded; sharded are ${this.names.join(', ')}`,
      );
  }

  /** Gives sharded entities the wildcard schema, while MikroORM discovers them. */
  mark(meta: EntityMetadata): void {
    if (this.has(meta.tableName)) meta.schema = '*';
  }

  /** Refuses tables without an entity, and keys that are no property of it. */
  verify(storage: MetadataStorage): void {
    const metas = [...storage.getAll().values()];
    for (const [table, key] of this.#keys) {
      const meta = metas.find(({ tableName }) => tableName === table);
      if (meta === undefined)
        throw invalidArgument(this.#place, `sharding.tables.${table}: no entity has this table`);
      if (!Object.hasOwn(meta.properties, key))
        throw invalidArgument(
          this.#place,
          `sharding.tables.${table}.key: the entity ${meta.className} has no property '${key}'`,
        );
    }
  }

  /** The key's property of a sharded entity; undefined for any other. */
  keyOf(meta: EntityMetadata): string | undefined {
    return this.#keys.get(meta.tableName);
  }

  /** The key in a `where`, as an equality at its top. FAILED_PRECONDITION without: it would be a scan of all shards. */
  keyIn(meta: EntityMetadata, key: string, where: unknown): ShardKey {
    const found: unknown = typeof where === 'object' && where !== null ? Reflect.get(where, key) : undefined;
    const plain = isEquality(found) ? found.$eq : found;
    const value = isEntity(plain) ? plain.id : plain;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value;
    throw precondition(
      this.#place,
      `${meta.className} is sharded by ${key}: say { ${key}: … } as an equality, or use shards.all`,
    );
  }
}

export type AnyEntityName = EntityName<object>;

const isEquality = (value: unknown): value is { readonly $eq: unknown } =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, '$eq');
const isEntity = (value: unknown): value is { readonly id: unknown } =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, '__entity') && 'id' in value;
