import type { Pool, PoolClient } from 'pg';

/**
 * Gives a connection that died in a transaction back to its pool. Kysely (issue 1990) leaves it checked out when the
 * rollback throws: every such death would cost a slot for good, and closing the pool would hang.
 */
export function guardPool(pool: Pool): void {
  const connect = pool.connect.bind(pool);
  const guarded = (): Promise<PoolClient> => connect().then(guardClient, failedClient);
  pool.connect = ((callback?: Parameters<typeof connect>[0]) =>
    callback === undefined ? guarded() : connect(callback)) as Pool['connect'];
}

function guardClient(client: PoolClient): PoolClient {
  const release = client.release.bind(client);
  let released = false;
  const onEnd = (): void => client.release(true);
  client.release = (error) => {
    if (released) return;
    released = true;
    client.removeListener('end', onEnd);
    release(error);
  };
  client.once('end', onEnd);
  return client;
}

/**
 * Stands for a connection that was not to be had: its first query says why. Kysely would write to stderr when waiting
 * for a connection fails after its caller has gone; this one it gives back.
 */
function failedClient(error: unknown): PoolClient {
  const query = (): Promise<never> => Promise.reject(error as Error);
  return { query, release: () => undefined } as unknown as PoolClient; // what Kysely uses of one
}
