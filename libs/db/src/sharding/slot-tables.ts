import type { EntityMetadata, EntityProperty } from '@mikro-orm/sql';

/** A sharded table as a move sees it. */
export interface SlotTable {
  readonly name: string;
  readonly keyColumn: string;
  /** All that can be written: generated columns write themselves. */
  readonly columns: readonly string[];
  /** The column that a sequence fills. */
  readonly serial: string | undefined;
}

/** Sharded tables with those first that others refer to. */
export function inOrder(
  metas: readonly EntityMetadata[],
  keyOf: (meta: EntityMetadata) => string | undefined,
): SlotTable[] {
  const byName = new Map(metas.map((meta) => [meta.className, meta]));
  const done = new Set<string>();
  const tables: SlotTable[] = [];
  const visit = (meta: EntityMetadata): void => {
    if (done.has(meta.className)) return;
    done.add(meta.className);
    for (const { kind, type } of meta.relations) {
      const target = byName.get(type);
      if (target !== undefined && (kind === 'm:1' || kind === '1:1')) visit(target);
    }
    const table = tableOf(meta, keyOf(meta));
    if (table !== undefined && !tables.some(({ name }) => name === table.name)) tables.push(table);
  };
  metas.forEach(visit);
  return tables;
}

function tableOf(meta: EntityMetadata, key: string | undefined): SlotTable | undefined {
  const props = meta.props as readonly EntityProperty[];
  const keyColumn = props.find(({ name }) => name === key)?.fieldNames[0];
  if (keyColumn === undefined) return undefined;
  const written = props.filter(
    ({ persist, formula, generated }) => persist !== false && !formula && !generated,
  );
  return {
    name: meta.tableName,
    keyColumn,
    columns: [...new Set(written.flatMap(({ fieldNames }) => fieldNames ?? []))],
    serial: props.find(({ autoincrement }) => autoincrement === true)?.fieldNames[0],
  };
}
