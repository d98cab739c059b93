import type {
  ChangeSet,
  EntityManager,
  EventSubscriber,
  FlushEventArgs,
  TransactionEventArgs,
} from '@mikro-orm/sql';
import { precondition, type DbPlace } from '../db.errors.js';
import { holdSlots, keyCannotChange, SlotMovedError } from './owned-slots.js';
import { shardOfSchema } from './shard-schema.js';
import type { ShardTables } from './shard-tables.js';

/** Proves for every flush into a shard that the shard has the slots of the rows, and keeps them until the commit. */
export class SlotSubscriber implements EventSubscriber {
  readonly #place: DbPlace;
  readonly #tables: ShardTables;
  readonly #noticed: (slots: readonly number[]) => void;

  constructor(place: DbPlace, tables: ShardTables, noticed: (slots: readonly number[]) => void) {
    this.#place = place;
    this.#tables = tables;
    this.#noticed = noticed;
  }

  /** A flush: what it changes is where it can be, and inside of a transaction the slots are held. */
  async onFlush({ em, uow }: FlushEventArgs): Promise<void> {
    const changes = uow.getChangeSets();
    const shard = shardOfSchema(em.schema);
    for (const { meta } of changes)
      if ((this.#tables.keyOf(meta as never) === undefined) !== (shard === undefined))
        throw precondition(
          this.#place,
          shard === undefined
            ? `${meta.className} is sharded and cannot be written with what is not; create it by itself`
            : `${meta.className} is not sharded and cannot be written in shard ${shard}; use db.em() or db.transaction`,
        );
    if (em.isInTransaction()) await this.#hold(em as EntityManager, changes);
  }

  /** The transaction that a flush begins for itself. An error thrown here would leave it open, connection and all. */
  async afterTransactionStart({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    if (uow === undefined) return;
    const fork = em.fork({ disableContextResolution: true }) as EntityManager;
    fork.setTransactionContext(transaction as never);
    try {
      await this.#hold(fork, uow.getChangeSets());
    } catch (error) {
      await fork
        .getConnection('write')
        .rollback(transaction as never)
        .catch(() => undefined);
      throw error;
    }
  }

  async #hold(em: EntityManager, changes: readonly ChangeSet<object>[]): Promise<void> {
    const shard = shardOfSchema(em.schema);
    if (shard === undefined) return;
    const slots = new Set(changes.flatMap((change) => this.#slotsOf(change)));
    try {
      await holdSlots(this.#place, em, shard, [...slots]);
    } catch (error) {
      if (error instanceof SlotMovedError) this.#noticed(error.slots);
      throw error;
    }
  }

  #slotsOf({ meta, entity, type, payload, originalEntity }: ChangeSet<object>): number[] {
    const key = this.#tables.keyOf(meta as never);
    if (key === undefined) return [];
    const slot = this.#tables.slotOfRow(meta as never, key, entity);
    const moves = type === 'update' && Object.hasOwn(payload, key);
    if (moves && this.#tables.slotOfRow(meta as never, key, originalEntity) !== slot)
      throw keyCannotChange(this.#place, meta.className, key);
    return [slot];
  }
}
