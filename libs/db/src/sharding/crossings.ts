import type { EntityMetadata, EntityProperty } from '@mikro-orm/sql';
import type { ShardTables } from './shard-tables.js';

const relationsOf = (meta: EntityMetadata): readonly EntityProperty[] => meta.relations;
const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** The first relation that a `populate` follows into, or out of, the shards: as `Order.product`. */
export function populatedCrossing(
  tables: ShardTables,
  meta: EntityMetadata,
  populate: unknown,
): string | undefined {
  if (!Array.isArray(populate)) return undefined;
  for (const hint of populate) {
    const path = typeof hint === 'string' ? hint.replace(/:ref$/, '').split('.') : [];
    const found = path[0] === '*' ? anyCrossing(tables, meta) : crossingOn(tables, meta, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function anyCrossing(tables: ShardTables, meta: EntityMetadata): string | undefined {
  const relation = relationsOf(meta).find((each) => tables.crosses(meta, each));
  return relation && `${meta.className}.${relation.name}`;
}

function crossingOn(
  tables: ShardTables,
  meta: EntityMetadata,
  [first, ...rest]: readonly string[],
): string | undefined {
  const relation = relationsOf(meta).find(({ name }) => name === first);
  if (relation === undefined) return undefined;
  if (tables.crosses(meta, relation)) return `${meta.className}.${relation.name}`;
  return relation.targetMeta === undefined ? undefined : crossingOn(tables, relation.targetMeta, rest);
}

/** The same for a condition or an order: one on the other side's columns would be a join over two databases. */
export function conditionalCrossing(
  tables: ShardTables,
  meta: EntityMetadata,
  condition: unknown,
): string | undefined {
  if (Array.isArray(condition))
    return condition
      .map((part) => conditionalCrossing(tables, meta, part))
      .find((found) => found !== undefined);
  if (!isPlain(condition)) return undefined;
  for (const [name, value] of Object.entries(condition)) {
    const relation = relationsOf(meta).find((each) => each.name === name);
    const found =
      relation?.targetMeta !== undefined && isPlain(value)
        ? tables.crosses(meta, relation) && !isOwnColumn(relation.targetMeta, value)
          ? `${meta.className}.${name}`
          : conditionalCrossing(tables, relation.targetMeta, value)
        : name.startsWith('$')
          ? conditionalCrossing(tables, meta, value)
          : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** An operator, or the other's primary key: both are about the column that is here. */
const isOwnColumn = ({ primaryKeys }: EntityMetadata, condition: Record<string, unknown>): boolean =>
  Object.keys(condition).every(
    (name) => name.startsWith('$') || (primaryKeys as readonly string[]).includes(name),
  );
