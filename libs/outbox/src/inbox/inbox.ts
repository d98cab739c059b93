import type { DbProvider } from '@infra-kit/db';
import type { CallOptions } from '@infra-kit/kernel';
import { invalidArgument, shown, type OutboxPlace } from '../outbox.errors.js';
import type { Inbox, InboxResult } from '../outbox.provider.js';
import { missingTable } from '../store/missing-table.js';
import type { NamedSql } from '../store/named-sql.js';

interface Parts {
  readonly place: OutboxPlace;
  readonly db: DbProvider;
  readonly sql: NamedSql;
  /** Throws when the component is closed. */
  readonly refuseClosed: () => void;
  readonly told: (consumer: string, ran: boolean) => void;
}

/** Both fit into a row of PostgreSQL's index. */
const LONGEST = 512;

/** Messages that were handled, as rows of the transactions that handled them. */
export class DbInbox implements Inbox {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async run<T>(
    consumer: string,
    messageId: string,
    fn: (em: ReturnType<DbProvider['em']>) => Promise<T>,
    { signal, timeoutMs }: CallOptions = {},
  ): Promise<InboxResult<T>> {
    const { db, place, refuseClosed, told } = this.#parts;
    refuseClosed();
    this.#check('consumer', consumer);
    this.#check('messageId', messageId);
    if (typeof fn !== 'function')
      throw invalidArgument(place, `inbox.run needs a function, got ${shown(fn)}`);
    const result = await db.transaction(
      async (em): Promise<InboxResult<T>> => {
        if (!(await this.#take(consumer, messageId))) return { ran: false };
        return { ran: true, value: await fn(em) };
      },
      { propagation: 'nested', signal, timeoutMs },
    );
    told(consumer, result.ran);
    return result;
  }

  /** The row of another transaction is waited for: false once that one has committed. */
  async #take(consumer: string, messageId: string): Promise<boolean> {
    const { sql, place } = this.#parts;
    try {
      const rows = await sql.run`insert into ~inbox (consumer, message_id) values (${consumer}, ${messageId})
        on conflict do nothing returning 1 as taken`;
      return rows.length > 0;
    } catch (error) {
      throw missingTable(place, error);
    }
  }

  #check(field: string, value: unknown): void {
    if (typeof value === 'string' && value !== '' && value.length <= LONGEST && !value.includes('\0')) return;
    throw invalidArgument(
      this.#parts.place,
      `${field} must be a text of 1 to ${LONGEST} characters, got ${shown(value)}`,
    );
  }
}
