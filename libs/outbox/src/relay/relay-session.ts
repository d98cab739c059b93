import type { DbProvider } from '@infra-kit/db';
import { withDeadline } from '@infra-kit/kernel';
import { precondition, type OutboxPlace } from '../outbox.errors.js';

/** As much of pg's client as is used here. */
interface Client {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  on(event: 'end' | 'error' | 'notification', listener: () => void): unknown;
  removeListener(event: 'end' | 'error' | 'notification', listener: () => void): unknown;
  /** True: the connection is closed instead of used again. */
  release(destroy?: boolean): void;
}
interface Pool {
  readonly options: { readonly max?: number };
  connect(): Promise<Client>;
}

interface Parts {
  readonly place: OutboxPlace;
  readonly db: DbProvider;
  /** Listened at, when there is one. */
  readonly channel: string | undefined;
  readonly notified: () => void;
}

const has = (value: unknown, method: string): boolean =>
  typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function';

/** A statement of the session is a small one: an answer that takes longer is none. */
const ANSWER_MS = 5000;

/**
 * One connection of the pool, kept for what belongs to a session of the server: advisory locks and LISTEN. Opened when it
 * is first used, and again after it was lost; what the session held is gone then.
 */
export class RelaySession {
  readonly #parts: Parts;
  #client: Client | undefined;
  #opening: Promise<Client> | undefined;
  /** Rises with each session: who holds a lock of an older one holds nothing. */
  generation = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<readonly unknown[]> {
    const client = this.#client ?? (await this.#open());
    try {
      const { rows } = await withDeadline({ timeoutMs: ANSWER_MS }, ANSWER_MS, 'outbox.session', () =>
        client.query(text, values),
      );
      return rows;
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  close(): void {
    if (this.#client !== undefined) this.#drop(this.#client);
  }

  #open(): Promise<Client> {
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #connect(): Promise<Client> {
    const { channel, notified } = this.#parts;
    const client = await (await this.#pool()).connect();
    const lost = (): void => this.#drop(client);
    client.on('error', lost);
    client.on('end', lost);
    this.#client = client;
    this.generation++;
    if (channel !== undefined) {
      client.on('notification', notified);
      await client.query(`listen "${channel}"`);
    }
    return client;
  }

  /** Closing the connection gives up everything the session held. */
  #drop(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.generation++;
    client.removeListener('notification', this.#parts.notified);
    client.release(true);
  }

  async #pool(): Promise<Pool> {
    const { db, place } = this.#parts;
    const connection: unknown = db.orm.em.getConnection('write');
    const pool = has(connection, 'getNativeClient')
      ? await (connection as Native).getNativeClient()
      : undefined;
    if (!has(pool, 'connect')) throw precondition(place, 'its database has no pool of connections');
    const { options } = pool as Pool;
    if (options.max !== undefined && options.max < 2)
      throw precondition(place, 'a relay needs pool.max ≥ 2 of its database: one connection holds its lock');
    return pool as Pool;
  }
}

interface Native {
  getNativeClient(): Promise<unknown>;
}
