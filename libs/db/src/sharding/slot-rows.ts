import type { EntityManager } from '@mikro-orm/sql';
import type { DbPlace } from '../db.errors.js';
import { shardSchema } from './shard-schema.js';
import type { SlotTable } from './slot-tables.js';
import { slotOf } from './slots.js';

const PAGE = 500;

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const tableIn = (shard: number, { name }: SlotTable): string =>
  `${quoted(shardSchema(shard))}.${quoted(name)}`;

/** One slot's rows: what is read, written and deleted of them. */
export class SlotRows {
  readonly #place: DbPlace;
  readonly #slot: number;
  readonly #tables: readonly SlotTable[];

  constructor(place: DbPlace, slot: number, tables: readonly SlotTable[]) {
    this.#place = place;
    this.#slot = slot;
    this.#tables = tables;
  }

  /**
   * Copies them between two shards. The reader sees rows that nobody may change; the writer is in a transaction. A table
   * is written by one statement, so that rows of it may refer to each other.
   */
  async copy(
    from: { readonly shard: number; readonly em: EntityManager },
    to: { readonly shard: number; readonly em: EntityManager },
  ): Promise<void> {
    for (const [index, table] of this.#tables.entries()) {
      const target = tableIn(to.shard, table);
      const stage = `infra_moved_${index}`;
      const columns = table.columns.map(quoted).join(', ');
      const run = (sql: string, values: readonly unknown[] = []): Promise<unknown> =>
        to.em.execute(sql, values, 'run');
      await run(
        `create temporary table ${stage} on commit drop as select ${columns} from ${target} where false`,
      );
      for await (const rows of this.#rows(from.em, from.shard, table))
        await run(
          `insert into ${stage} (${columns})
           select ${columns} from json_populate_recordset(null::${target}, ?::json)`,
          [`[${rows.join(',')}]`],
        );
      await run(`insert into ${target} (${columns}) overriding system value select ${columns} from ${stage}`);
      if (table.serial !== undefined) await this.#advance(to, table, table.serial);
    }
  }

  /** Deletes them, those first that refer to others. */
  async clear(em: EntityManager, shard: number): Promise<void> {
    for (const table of [...this.#tables].reverse()) {
      const keys = await this.#keys(em, shard, table);
      if (keys.length === 0) continue;
      await em.execute(
        `delete from ${tableIn(shard, table)}
         where ${quoted(table.keyColumn)}::text in (select json_array_elements_text(?::json))`,
        [JSON.stringify(keys)],
        'run',
      );
    }
  }

  /** What comes next from the sequence is above what was brought. */
  async #advance(
    { em, shard }: { readonly shard: number; readonly em: EntityManager },
    table: SlotTable,
    column: string,
  ): Promise<void> {
    await em.execute(
      `select setval(s.name, t.most)
       from (select max(${quoted(column)}) as most from ${tableIn(shard, table)}) t,
            (select pg_get_serial_sequence(?, ?)::regclass as name) s
       where t.most > coalesce(pg_sequence_last_value(s.name), 0)`,
      [tableIn(shard, table), column],
    );
  }

  /** The keys of a table that hash to the slot: only this process knows the hash, so all keys are looked at. */
  async #keys(em: EntityManager, shard: number, table: SlotTable): Promise<string[]> {
    const rows = await em.execute<{ key: string }[]>(
      `select distinct ${quoted(table.keyColumn)}::text as key from ${tableIn(shard, table)}`,
    );
    return rows.map(({ key }) => key).filter((key) => slotOf(this.#place, key) === this.#slot);
  }

  async *#rows(em: EntityManager, shard: number, table: SlotTable): AsyncIterable<readonly string[]> {
    for (const key of await this.#keys(em, shard, table)) {
      for (let offset = 0; ; offset += PAGE) {
        const rows = await em.execute<{ row: string }[]>(
          `select to_json(t)::text as row from ${tableIn(shard, table)} t
           where ${quoted(table.keyColumn)}::text = ? order by ctid limit ${PAGE} offset ${offset}`,
          [key],
        );
        if (rows.length > 0) yield rows.map(({ row }) => row);
        if (rows.length < PAGE) break;
      }
    }
  }
}
