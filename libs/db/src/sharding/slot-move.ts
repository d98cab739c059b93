import type { EntityManager, EntityMetadata } from '@mikro-orm/sql';
import type { Clock } from '@infra-kit/kernel';
import type { DbPlace } from '../db.errors.js';
import { ROUTE_AGE_MS } from './shard-map.js';
import { shardSchema } from './shard-schema.js';
import { slotOf } from './slots.js';

export interface MoveEnd {
  readonly shard: number;
  /** A manager of the shard's server that no one else has. */
  readonly em: () => EntityManager;
}

export interface Move {
  readonly place: DbPlace;
  readonly clock: Clock;
  readonly slot: number;
  /** Where the routes are. */
  readonly routing: () => EntityManager;
  readonly from: MoveEnd;
  readonly to: MoveEnd;
  /** The sharded tables in an order in which references are met, with their keys' columns. */
  readonly tables: readonly SlotTable[];
}

export interface SlotTable {
  readonly name: string;
  readonly keyColumn: string;
  readonly columns: readonly string[];
}

const PAGE = 500;
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * The steps of a move, each of which may be the last one before a crash; run again from the start they end the same:
 * close the slot for writers, copy (anew), open it at the target, switch the route, and when no reader can have the old
 * route any more delete what was left behind.
 */
export async function moveSlot(move: Move): Promise<void> {
  await closeForWriters(move);
  try {
    await copy(move);
  } catch (error) {
    await reopen(move);
    throw error;
  }
  await move
    .routing()
    .execute(
      `update infra_shard_slots set shard = ?, version = nextval('infra_shard_versions') where slot = ?`,
      [move.to.shard, move.slot],
      'run',
    );
  await move.clock.sleep(2 * ROUTE_AGE_MS);
  await clearSlot(move, move.from);
}

const owned = ({ shard }: MoveEnd): string => `${quoted(shardSchema(shard))}.infra_owned_slots`;

/** Waits for the writers that hold the slot; later ones find it moving. */
async function closeForWriters({ from, slot }: Move): Promise<void> {
  await from.em().execute(`update ${owned(from)} set moving = true where slot = ?`, [slot], 'run');
}

async function reopen({ from, slot }: Move): Promise<void> {
  await from.em().execute(`update ${owned(from)} set moving = false where slot = ?`, [slot], 'run');
}

async function copy(move: Move): Promise<void> {
  const { from, to, slot, tables } = move;
  await to.em().transactional(async (target) => {
    await clearIn(target as EntityManager, move, to, slot);
    for (const table of tables)
      for await (const rows of rowsOf(move, from, table))
        await insert(target as EntityManager, to, table, rows);
    await target.execute(
      `insert into ${owned(to)} (slot) values (?) on conflict (slot) do update set moving = false`,
      [slot],
      'run',
    );
  });
}

/** Removes what a move that was broken off, or one that ended, has left behind in a shard. */
export async function clearSlot(move: Move, end: MoveEnd): Promise<void> {
  await end.em().transactional((em) => clearIn(em as EntityManager, move, end, move.slot));
}

/** Rows of the slot, children first, and the ownership. */
async function clearIn(em: EntityManager, move: Move, end: MoveEnd, slot: number): Promise<void> {
  await em.execute(`delete from ${owned(end)} where slot = ?`, [slot], 'run');
  for (const table of [...move.tables].reverse()) {
    const keys = await keysIn(em, move, end, table);
    if (keys.length === 0) continue;
    await em.execute(
      `delete from ${quoted(shardSchema(end.shard))}.${quoted(table.name)}
       where ${quoted(table.keyColumn)}::text in (select json_array_elements_text(?::json))`,
      [JSON.stringify(keys)],
      'run',
    );
  }
}

/** The keys of a table that hash to the slot: only this process knows the hash, so all keys are looked at. */
async function keysIn(
  em: EntityManager,
  { place, slot }: Move,
  end: MoveEnd,
  table: SlotTable,
): Promise<string[]> {
  const rows = await em.execute<{ key: string }[]>(
    `select distinct ${quoted(table.keyColumn)}::text as key from ${quoted(shardSchema(end.shard))}.${quoted(table.name)}`,
  );
  return rows.map(({ key }) => key).filter((key) => slotOf(place, key) === slot);
}

async function* rowsOf(move: Move, end: MoveEnd, table: SlotTable): AsyncIterable<readonly string[]> {
  const keys = await keysIn(end.em(), move, end, table);
  const from = `${quoted(shardSchema(end.shard))}.${quoted(table.name)}`;
  for (const key of keys) {
    for (let offset = 0; ; offset += PAGE) {
      const rows = await end.em().execute<{ row: string }[]>(
        `select to_json(t)::text as row from ${from} t where ${quoted(table.keyColumn)}::text = ?
           order by ctid limit ${PAGE} offset ${offset}`,
        [key],
      );
      if (rows.length > 0) yield rows.map(({ row }) => row);
      if (rows.length < PAGE) break;
    }
  }
}

async function insert(
  em: EntityManager,
  end: MoveEnd,
  table: SlotTable,
  rows: readonly string[],
): Promise<void> {
  const into = `${quoted(shardSchema(end.shard))}.${quoted(table.name)}`;
  const columns = table.columns.map(quoted).join(', ');
  await em.execute(
    `insert into ${into} (${columns}) overriding system value
     select ${columns} from json_populate_recordset(null::${into}, ?::json)`,
    [`[${rows.join(',')}]`],
    'run',
  );
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
    const key = keyOf(meta);
    const keyColumn = key === undefined ? undefined : meta.properties[key as never]?.['fieldNames']?.[0];
    if (typeof keyColumn !== 'string') return;
    const columns = meta.props
      .filter(({ persist, formula }) => persist !== false && !formula)
      .flatMap(({ fieldNames }) => fieldNames ?? []);
    tables.push({ name: meta.tableName, keyColumn, columns: [...new Set(columns)] });
  };
  metas.forEach(visit);
  return tables;
}
