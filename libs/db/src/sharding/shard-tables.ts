import { helper, Reference, Utils } from '@mikro-orm/core';
import type { EntityMetadata, EntityProperty, MetadataStorage } from '@mikro-orm/sql';
import { invalidArgument, precondition, type DbPlace } from '../db.errors.js';
import type { DbShardTableConfig } from '../db.config.js';
import { slotOf, type ShardKey } from './slots.js';

/** Types of columns whose text is what JavaScript writes: 7 is not to come back as 7.0. */
const KEY_TYPES =
  /^(smallint|int|int2|int4|int8|integer|bigint|serial|bigserial|uuid|text|varchar|character varying)\b/i;

/** Which tables are sharded, and by which property of their entities. */
export class ShardTables {
  readonly #place: DbPlace;
  readonly #keys: ReadonlyMap<string, string>;

  constructor(place: DbPlace, tables: ReadonlyMap<string, DbShardTableConfig>) {
    this.#place = place;
    this.#keys = new Map([...tables].map(([table, { key }]) => [table, key]));
  }

  check(table: string): void {
    if (!this.#keys.has(table))
      throw invalidArgument(
        this.#place,
        `table ${JSON.stringify(table)} is not sharded; sharded are ${[...this.#keys.keys()].join(', ')}`,
      );
  }

  /** Gives sharded entities the wildcard schema, while MikroORM discovers them. */
  mark(meta: EntityMetadata): void {
    if (this.#keys.has(meta.tableName)) meta.schema = '*';
  }

  /** No foreign key can span two databases: a relation into or out of the shards is kept as a plain column. */
  release(storage: MetadataStorage): void {
    for (const meta of storage.getAll().values())
      for (const relation of meta.relations)
        if (this.crosses(meta, relation)) relation.createForeignKeyConstraint = false;
  }

  /** Refuses tables without an entity, keys that are no column of it, and what a shard cannot hold. */
  verify(storage: MetadataStorage): void {
    const metas = [...storage.getAll().values()];
    for (const [table, key] of this.#keys) {
      const meta = metas.find(({ tableName }) => tableName === table);
      if (meta === undefined) throw this.#bad(table, 'no entity has this table');
      const property = (meta.props as readonly EntityProperty[]).find(({ name }) => name === key);
      if (property === undefined)
        throw this.#bad(`${table}.key`, `the entity ${meta.className} has no property '${key}'`);
      if (property.fieldNames?.length !== 1 || !property.columnTypes.every((type) => KEY_TYPES.test(type)))
        throw this.#bad(
          `${table}.key`,
          `'${key}' must be one column with a whole number, a text or a uuid, got ${property.columnTypes?.join(', ') || property.kind}`,
        );
      for (const { name, kind, owner, pivotTable, eager, targetMeta } of meta.relations) {
        if (kind === 'm:n' && owner && !this.#keys.has(pivotTable))
          throw this.#bad(
            table,
            `'${name}' needs a pivot entity of its own with the key, in sharding.tables`,
          );
        if (eager && targetMeta !== undefined && this.keyOf(targetMeta) === undefined)
          throw this.#bad(table, `'${name}' cannot be eager: ${targetMeta.className} is not in the shards`);
      }
    }
  }

  /** The key's property of a sharded entity; undefined for any other. */
  keyOf(meta: EntityMetadata): string | undefined {
    return this.#keys.get(meta.tableName);
  }

  /** Whether a relation leads from a shard to what is not in the shards, or from there into them. */
  crosses(meta: EntityMetadata, { targetMeta }: Pick<EntityProperty, 'targetMeta'>): boolean {
    if (targetMeta === undefined) return false;
    return (this.keyOf(meta) === undefined) !== (this.keyOf(targetMeta) === undefined);
  }

  /** The key in a `where` or in data, as an equality at its top. FAILED_PRECONDITION without: it would be a scan of all shards. */
  keyIn(meta: EntityMetadata, key: string, where: unknown): ShardKey {
    const value = this.foundIn(meta, key, where);
    if (value !== undefined) return value;
    throw precondition(
      this.#place,
      `${meta.className} is sharded by ${key}: say { ${key}: … } as an equality, or use shards.all`,
    );
  }

  /** The same; undefined without. */
  foundIn(meta: EntityMetadata, key: string, where: unknown): ShardKey | undefined {
    if (isKey(where)) return meta.primaryKeys.length === 1 && meta.primaryKeys[0] === key ? where : undefined;
    const found: unknown = typeof where === 'object' && where !== null ? Reflect.get(where, key) : undefined;
    return asKey(isEquality(found) ? found.$eq : found);
  }

  /** The slot of a row that is to be written. */
  slotOfRow(meta: EntityMetadata, key: string, row: unknown): number {
    return slotOf(this.#place, this.keyIn(meta, key, row));
  }

  #bad(field: string, what: string): Error {
    return invalidArgument(this.#place, `sharding.tables.${field}: ${what}`);
  }
}

const isEquality = (value: unknown): value is { readonly $eq: unknown } =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, '$eq');

/** A key as it stands, or the primary key of an entity or reference that stands for it. */
function asKey(value: unknown): ShardKey | undefined {
  const plain: unknown = Reference.isReference(value) ? value.unwrap() : value;
  const key: unknown = Utils.isEntity(plain, true) ? helper(plain).getPrimaryKey() : plain;
  return isKey(key) ? key : undefined;
}

const isKey = (value: unknown): value is ShardKey =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
