import type { ControlledTransaction } from 'kysely';
import type { EntityManager } from '@mikro-orm/sql';
import { isSerializationFailure, precondition, type DbPlace } from '../db.errors.js';
import { lastFailure } from '../orm/quiet-connection.js';

/** PostgreSQL answers COMMIT as if all were well when a statement has failed, and rolls back. */
export async function refuseRuined(place: DbPlace, em: EntityManager): Promise<void> {
  const failure = await failureIn(em);
  if (failure === undefined) return;
  if (isSerializationFailure(failure)) throw failure;
  throw precondition(
    place,
    "a statement inside the transaction failed and its error was swallowed, so nothing is committed; let it through, or run it with propagation: 'nested'",
    failure,
  );
}

/** The error to the last statement of a manager's transaction. */
async function failureIn(em: EntityManager): Promise<unknown> {
  const running = em.getTransactionContext<ControlledTransaction<unknown>>();
  return running?.getExecutor().provideConnection(async (connection) => lastFailure(connection));
}
