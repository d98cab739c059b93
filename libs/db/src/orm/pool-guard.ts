import { Duplex } from 'node:stream';
import type { Pool, PoolClient } from 'pg';
import { noteLease, type Cut } from './overdue.js';

/** How to cut a connection, by the parameters of its first query: Kysely does not say which connection is on which client. */
const firstAsked = new WeakMap<object, Cut>();

/** How to cut the connection whose first query had these parameters; undefined for any later query. */
export const cutOf = (parameters: object): Cut | undefined => firstAsked.get(parameters);

/**
 * Gives a connection that died in a transaction back to its pool. Kysely (issue 1990) leaves it checked out when the
 * rollback throws: every such death would cost a slot for good, and closing the pool would hang.
 */
export class PoolGuard {
  readonly #inUse = new Set<Cut>();
  readonly #waiting = new Set<(error: Error) => void>();
  #closing = false;

  constructor(pool: Pool) {
    const connect = pool.connect.bind(pool);
    pool.connect = ((callback?: Parameters<typeof connect>[0]) =>
      callback === undefined ? this.#guarded(connect()) : connect(callback)) as Pool['connect'];
    pool.on('connect', tellFirstQuery);
  }

  /** Who waits for a connection is told: a pool that is ending would leave it waiting. */
  refuseWaiting(): void {
    this.#closing = true;
    for (const refuse of this.#waiting) refuse(new Error('cannot use a pool after it was closed'));
    this.#waiting.clear();
  }

  /** Cuts every connection that is in use. */
  cutAll(): void {
    for (const cut of this.#inUse) cut();
  }

  #guarded(connecting: Promise<PoolClient>): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const come = (client: PoolClient): void => {
        if (this.#waiting.delete(reject)) resolve(guardClient(client, this.#inUse));
        else client.release(true);
      };
      const failed = (error: Error): void => {
        this.#waiting.delete(reject);
        if (this.#closing) reject(error);
        else resolve(failedClient(error));
      };
      connecting.then(come, failed);
    });
  }
}

function guardClient(client: PoolClient, inUse: Set<Cut>): PoolClient {
  const release = client.release.bind(client);
  let released = false;
  const onEnd = (): void => client.release(true);
  client.release = (error) => {
    if (released) return;
    released = true;
    client.removeListener('end', onEnd);
    inUse.delete(cut);
    release(error);
  };
  const cut = (): void => {
    if (released) return;
    client.release(true);
    // a farewell on a silent network would wait for its answer
    const stream: unknown = Reflect.get(Object(Reflect.get(client, 'connection')), 'stream');
    if (stream instanceof Duplex) stream.destroy();
  };
  client.once('end', onEnd);
  inUse.add(cut);
  noteLease(cut);
  return client;
}

function tellFirstQuery(client: PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const first = (...args: unknown[]): unknown => {
    Reflect.deleteProperty(client, 'query');
    const [, parameters] = args;
    // by then `release` is that of whoever has it
    if (typeof parameters === 'object' && parameters !== null)
      firstAsked.set(parameters, () => client.release(true));
    return query(...args);
  };
  Reflect.set(client, 'query', first);
}

/**
 * Stands for a connection that was not to be had: its first query says why. Kysely would write to stderr when waiting
 * for a connection fails after its caller has gone; this one it gives back.
 */
function failedClient(error: unknown): PoolClient {
  const query = (): Promise<never> => Promise.reject(error as Error);
  return { query, release: () => undefined } as unknown as PoolClient; // what Kysely uses of one
}
