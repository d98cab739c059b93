import { isInfraError } from '@infra-kit/kernel';
import { precondition, type OutboxPlace } from '../outbox.errors.js';

const UNDEFINED_TABLE = '42P01';

function sqlStateIn(error: unknown): unknown {
  for (let at = error; typeof at === 'object' && at !== null; at = Reflect.get(at, 'cause')) {
    const state: unknown = isInfraError(at) ? Reflect.get(at, 'sqlState') : Reflect.get(at, 'code');
    if (state === UNDEFINED_TABLE) return state;
  }
  return undefined;
}

/** An error as it is, but for a table that is not there: that one says what to do. */
export function missingTable(place: OutboxPlace, error: unknown): unknown {
  return sqlStateIn(error) === undefined
    ? error
    : precondition(
        place,
        'a table of it is missing; run outbox.migrate(), or set autoMigrate of the database',
        error,
      );
}
