import { decorateMethod, type AsyncMethodDecorator } from '@infra-kit/kernel';
import type { DbProvider } from '../db.provider.js';
import type { TransactionOptions } from '../db.types.js';
import { dbPlace } from '../db.errors.js';
import { getDbToken } from '../db.tokens.js';
import { checkTransactionOptions } from '../transactions/transaction-options.js';

export interface TransactionalOptions extends TransactionOptions {
  /** The database's name, when it is not the default instance. */
  readonly db?: string | undefined;
}

/**
 * Runs the method in a transaction, joined or begun as `propagation` says; inside, `db.em()` and repositories are the
 * transaction's. With `retries` the whole method runs again, with the same arguments. Any provider's method that
 * returns a promise; without the module the application does not start. Bad options throw where the decorator stands.
 */
export function Transactional(options: TransactionalOptions = {}): AsyncMethodDecorator {
  const { db, ...transaction } = options;
  checkTransactionOptions(dbPlace(db ?? 'default'), transaction);
  return decorateMethod<DbProvider>({
    decorator: '@Transactional',
    token: getDbToken(db),
    around: ({ provider, proceed }) => provider.transaction(async () => proceed(), transaction),
  });
}
