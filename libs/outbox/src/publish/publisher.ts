import type { DbProvider } from '@infra-kit/db';
import { isInfraError } from '@infra-kit/kernel';
import { precondition, type OutboxPlace } from '../outbox.errors.js';
import { missingTable } from '../store/missing-table.js';
import type { OutboxStore } from '../store/outbox-store.js';
import type { MessageRow } from './message-row.js';

interface Parts {
  readonly place: OutboxPlace;
  readonly db: DbProvider;
  readonly store: OutboxStore;
  readonly ordered: boolean;
  /** Where relays listen, when they do. */
  readonly channel: string | undefined;
  /** Told when messages have committed. */
  readonly committed: (count: number) => void;
}

/** Adds rows to the transaction that runs. */
export class Publisher {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** FAILED_PRECONDITION outside of a transaction. */
  add(rows: readonly MessageRow[]): void {
    const { db, place } = this.#parts;
    try {
      for (const row of rows) db.beforeCommit(this.#write, row);
    } catch (error) {
      if (!isInfraError(error) || error.code !== 'FAILED_PRECONDITION') throw error;
      throw precondition(
        place,
        'publish belongs inside a transaction that writes, of db.transaction or @Transactional on the same database (not one of a shard); there is none here',
        error,
      );
    }
  }

  /** One function for all transactions: it is what rows are gathered by. */
  readonly #write = async (rows: readonly MessageRow[]): Promise<void> => {
    const { db, store, place, ordered, channel, committed } = this.#parts;
    try {
      await store.insert(rows, { ordered, channel });
    } catch (error) {
      throw missingTable(place, error);
    }
    db.afterCommit(() => committed(rows.length));
  };
}
