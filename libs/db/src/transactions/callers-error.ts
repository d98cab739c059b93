import { DriverException, ValidationError } from '@mikro-orm/core';
import { isInfraError } from '@infra-kit/kernel';
import { sqlStateOf } from '../db.errors.js';

/** Carries what a caller's function threw through MikroORM, so that the same object comes out at the other end. */
export class CallersError extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('an error of the caller', { cause: thrown });
    this.thrown = thrown;
  }
}

/** Runs a function of the caller: an error of its own is marked as such, one of the database is left as it is. */
export async function callersWork<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isDatabaseError(error) ? error : new CallersError(error);
  }
}

/** From MikroORM, from pg under Kysely, or mapped already. */
export function isDatabaseError(error: unknown): boolean {
  if (error instanceof DriverException || error instanceof ValidationError || isInfraError(error))
    return true;
  return error instanceof Error && 'severity' in error && sqlStateOf(error) !== undefined;
}
