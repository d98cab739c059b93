import type { DatabaseConnection } from 'kysely';
import { sqlStateOf } from '../db.errors.js';
import { cutUnlessEnded, type Cut } from './overdue.js';
import { cutOf } from './pool-guard.js';

/** Why the last statement of a connection failed in the server; undefined when it did not. */
const failures = new WeakMap<object, () => unknown>();

/** The server's error to the last statement of a connection: in a transaction it has ruined it. */
export const lastFailure = (connection: object): unknown => failures.get(connection)?.();

/**
 * Kysely writes to stderr when a query fails that was cancelled: as each one does, since that is what cancelling means.
 * Its caller has had its answer when the signal aborted, so the failure that comes later ends here.
 * On a network that has fallen silent neither the query nor its cancelling is answered: then the connection is cut.
 *
 * PGlite runs in this thread and cannot be interrupted: there "cancel" is to stop waiting.
 */
export function quietConnection(connection: unknown): Promise<void> {
  const made = connection as DatabaseConnection; // MikroORM's option does not say so
  const execute = made.executeQuery.bind(made);
  let failure: unknown;
  let running: Promise<unknown> = Promise.resolve();
  let cut: Cut | undefined;
  failures.set(made, () => failure);
  made.executeQuery = async (query, options) => {
    try {
      const asked = execute<never>(query, options);
      running = asked;
      cut ??= cutOf(query.parameters);
      const result = await asked;
      failure = undefined;
      return result;
    } catch (error) {
      failure = sqlStateOf(error) === undefined ? undefined : error;
      // the abort is first in Kysely's race: what is answered here is dropped
      if (options?.signal?.aborted === true) return { rows: [] };
      throw error;
    }
  };
  const cancel = made.cancelQuery?.bind(made);
  made.cancelQuery = async (control) => {
    if (cut !== undefined) cutUnlessEnded(cut, running);
    // a server that is away runs no query any more
    await cancel?.(control).catch(() => undefined);
  };
  return Promise.resolve();
}
