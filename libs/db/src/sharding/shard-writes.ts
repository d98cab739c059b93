import type { EntityManager, EntityMetadata } from '@mikro-orm/sql';
import type { DbPlace } from '../db.errors.js';
import { holdShard, holdSlots } from './owned-slots.js';
import type { ShardTables } from './shard-tables.js';
import { slotOf } from './slots.js';

/** Writes without an entity, by the place of their rows or condition, and of their options. */
export const NATIVE_WRITES: Readonly<
  Record<string, { readonly by: 'where' | 'row' | 'rows'; readonly options: number }>
> = {
  nativeUpdate: { by: 'where', options: 3 },
  nativeDelete: { by: 'where', options: 2 },
  insert: { by: 'row', options: 2 },
  upsert: { by: 'row', options: 2 },
  insertMany: { by: 'rows', options: 2 },
  upsertMany: { by: 'rows', options: 2 },
};

export interface NativeWrite {
  readonly place: DbPlace;
  readonly tables: ShardTables;
  readonly em: EntityManager;
  readonly shard: number;
  readonly meta: EntityMetadata;
  readonly key: string;
  /** The rows, or undefined for a condition. */
  readonly rows: readonly unknown[] | undefined;
  readonly where: unknown;
}

/**
 * Runs a write without an entity in a transaction that holds its slots: those of its rows or of the key in its
 * condition, without which it may touch any. Joins the running transaction.
 */
export async function heldWrite<T>(
  write: NativeWrite,
  options: Readonly<Record<string, unknown>>,
  run: (options: Readonly<Record<string, unknown>>) => Promise<T>,
): Promise<T> {
  const { em } = write;
  const held = async (ctx: unknown): Promise<T> => {
    const fork = em.fork({ disableContextResolution: true });
    fork.setTransactionContext(ctx as never);
    await hold(write, fork);
    return run({ ...options, ctx });
  };
  const running = options['ctx'] ?? (em.isInTransaction() ? em.getTransactionContext() : undefined);
  return running === undefined ? em.getConnection('write').transactional(held) : held(running);
}

function hold(
  { place, tables, shard, meta, key, rows, where }: NativeWrite,
  em: EntityManager,
): Promise<void> {
  if (rows !== undefined) {
    const slots = new Set(rows.map((row) => tables.slotOfRow(meta, key, row)));
    return holdSlots(place, em, shard, [...slots]);
  }
  const value = tables.foundIn(meta, key, where);
  return value === undefined
    ? holdShard(place, em, shard)
    : holdSlots(place, em, shard, [slotOf(place, value)]);
}
