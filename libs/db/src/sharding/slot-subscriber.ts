import type {
  ChangeSet,
  EntityManager,
  EventSubscriber,
  FlushEventArgs,
  TransactionEventArgs,
} from '@mikro-orm/sql';
import type { DbPlace } from '../db.errors.js';
import { holdSlots } from './owned-slots.js';
import type { ShardTables } from './shard-tables.js';
import { slotOf } from './slots.js';

const SCHEMA = /^shard_(\d{4})$/;

/** Proves for every flush into a shard that the shard has the slots of the rows, and keeps them until the commit. */
export class SlotSubscriber implements EventSubscriber {
  readonly #place: DbPlace;
  readonly #tables: ShardTables;

  constructor(place: DbPlace, tables: ShardTables) {
    this.#place = place;
    this.#tables = tables;
  }

  /** A flush inside of a transaction. */
  async onFlush({ em, uow }: FlushEventArgs): Promise<void> {
    if (em.isInTransaction()) await this.#hold(em as EntityManager, uow.getChangeSets());
  }

  /** The transaction that a flush begins for itself. */
  async afterTransactionStart({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    if (uow === undefined) return;
    const fork = em.fork({ disableContextResolution: true }) as EntityManager;
    fork.setTransactionContext(transaction as never);
    await this.#hold(fork, uow.getChangeSets());
  }

  async #hold(em: EntityManager, changes: readonly ChangeSet<object>[]): Promise<void> {
    const shard = SCHEMA.exec(em.schema ?? '')?.[1];
    if (shard === undefined) return;
    const slots = new Set<number>();
    for (const { meta, entity } of changes) {
      const key = this.#tables.keyOf(meta as never);
      if (key !== undefined) slots.add(slotOf(this.#place, idOf(Reflect.get(entity, key))));
    }
    await holdSlots(this.#place, em, Number(shard), [...slots]);
  }
}

const idOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'id' in value ? value.id : value;
