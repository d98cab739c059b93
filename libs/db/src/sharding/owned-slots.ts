import type { EntityManager } from '@mikro-orm/sql';
import { InfraError } from '@infra-kit/kernel';
import { precondition, type DbPlace } from '../db.errors.js';
import { shardSchema } from './shard-schema.js';

/** A slot is not, or not any more, where the caller went. ABORTED, retryable: the routes are read again. */
export class SlotMovedError extends InfraError {
  static {
    this.prototype.name = 'SlotMovedError';
  }

  readonly slots: readonly number[];

  constructor(place: DbPlace, slots: readonly number[], shard: number) {
    super(
      'ABORTED',
      `${place.label}: shard ${shard} does not have slot ${slots.join(', ')}, which is moving or has moved; run it again`,
      { component: 'db', instance: place.name },
    );
    this.slots = slots;
  }
}

export const keyCannotChange = (place: DbPlace, entity: string, key: string): InfraError =>
  precondition(
    place,
    `${entity}.${key} says where the row lives and cannot change; delete the row and write it anew`,
  );

/**
 * Proves, inside a writing transaction, that the shard has the slots, and keeps them there until the commit: a move
 * waits for these row locks, and who comes after it finds nothing. Names without a schema are the shard's from here on.
 */
export async function holdSlots(
  place: DbPlace,
  em: EntityManager,
  shard: number,
  slots: readonly number[],
): Promise<void> {
  if (slots.length === 0) return;
  const schema = shardSchema(shard);
  const held = await em.execute<{ slot: number }[]>(
    `select slot, set_config('search_path', '"${schema}", public', true) from "${schema}".infra_owned_slots
     where slot = any(?::smallint[]) and not moving order by slot for share`,
    [`{${slots.join(',')}}`],
  );
  if (held.length < slots.length) {
    const missing = slots.filter((slot) => !held.some((row) => row.slot === slot));
    throw new SlotMovedError(place, missing, shard);
  }
}

/** The same for a write that may touch any row of the shard. */
export async function holdShard(place: DbPlace, em: EntityManager, shard: number): Promise<void> {
  const slots = await em.execute<{ slot: number; moving: boolean }[]>(
    `select slot, moving from "${shardSchema(shard)}".infra_owned_slots order by slot for share`,
  );
  const moving = slots.filter((row) => row.moving).map(({ slot }) => slot);
  if (moving.length > 0) throw new SlotMovedError(place, moving, shard);
}
