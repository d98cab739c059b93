import {
  codeOfSqlState,
  InfraError,
  isInfraError,
  messageOf,
  type InfraErrorCode,
  type InfraErrorOptions,
} from '@infra-kit/kernel';

/** Which database speaks, for messages: `db`, or `db(orders)`. */
export interface DbPlace {
  readonly name: string;
  readonly label: string;
}

export function dbPlace(name: string): DbPlace {
  return { name, label: name === 'default' ? 'db' : `db(${name})` };
}

const origin = ({ name }: DbPlace): { component: string; instance: string } => ({
  component: 'db',
  instance: name,
});

interface DbErrorFacts {
  readonly sqlState?: string | undefined;
  readonly constraint?: string | undefined;
  /** `unknown`: the connection was lost while COMMIT was on its way, so the transaction may have happened. */
  readonly outcome?: 'unknown' | undefined;
}

/** A failure of the database, with PostgreSQL's own code for it. */
export class DbError extends InfraError {
  static {
    this.prototype.name = 'DbError';
  }

  /** SQLSTATE, five characters; undefined when the server said nothing. */
  readonly sqlState: string | undefined;
  /** The constraint that was violated. */
  readonly constraint: string | undefined;
  readonly outcome: 'unknown' | undefined;

  constructor(code: InfraErrorCode, message: string, options: InfraErrorOptions & DbErrorFacts = {}) {
    super(code, message, options);
    this.sqlState = options.sqlState;
    this.constraint = options.constraint;
    this.outcome = options.outcome;
  }
}

export function invalidArgument(place: DbPlace, what: string, cause?: unknown): InfraError {
  return new InfraError('INVALID_ARGUMENT', `${place.label}: ${what}`, { ...origin(place), cause });
}

export function precondition(place: DbPlace, what: string, cause?: unknown): InfraError {
  return new InfraError('FAILED_PRECONDITION', `${place.label}: ${what}`, { ...origin(place), cause });
}

export function unimplemented(place: DbPlace, what: string): InfraError {
  return new InfraError('UNIMPLEMENTED', `${place.label}: ${what}`, origin(place));
}

export function closedError(place: DbPlace): InfraError {
  return precondition(place, 'it is closed; make a new one');
}

/** What to say of a code, or of its class, the first two characters. */
const SENTENCES: Readonly<Record<string, string>> = {
  '23505': 'a row with this key exists already',
  '23503': 'a row that is referred to is missing, or is still referred to',
  '23514': 'a check refuses the row',
  '23502': 'a column must not be null',
  '23P01': 'an exclusion constraint refuses the row',
  '23': 'a constraint refuses the row',
  '40001': 'it met another transaction; run it again',
  '40P01': 'a deadlock with another transaction; run it again',
  '40': 'the server rolled the transaction back; run it again',
  '57014': 'the server cancelled the statement; it ran beyond statementTimeoutMs',
  '57P01': 'the server ended the connection',
  '57P02': 'the server has crashed and restarts',
  '57P03': 'the server is starting or stopping',
  '55P03': 'a lock was not to be had in time',
  '55': 'the object is not in a state for this',
  '53300': 'the server has no connection left',
  '53': 'the server has run out of a resource',
  '42501': 'the user may not do this',
  '28': 'the server refuses the user or the password',
  '3D000': 'the database does not exist',
  '25006': 'the transaction or the server is read-only',
  '25': 'the transaction is not in a state for this',
  '22': 'a value does not fit',
  '42': 'the statement is wrong',
  '08': 'the connection is lost',
};

/** Not EPERM and its like. */
const SQLSTATE = /^(?!E[A-Z])[0-9A-Z]{5}$/;
/** Ways in which a dropped or refused connection comes without a code. */
const LOST =
  /connection terminated|connection (was )?(closed|ended|lost)|client has encountered a connection error|not queryable|server closed the connection|cannot use a pool after/i;
const NEVER_SENT = /not queryable/i;
const POOL_TIMEOUT = /timeout exceeded when trying to connect/i;
const NETWORK: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOENT',
]);

function chain(error: unknown): object[] {
  const found: object[] = [];
  for (
    let at = error;
    typeof at === 'object' && at !== null && found.length < 8;
    at = Reflect.get(at, 'cause')
  )
    found.push(at);
  return found;
}

const textOf = (object: object, key: string): string | undefined => {
  const value: unknown = Reflect.get(object, key);
  return typeof value === 'string' ? value : undefined;
};

/** SQLSTATE anywhere in the chain of causes: MikroORM wraps some errors, COMMIT's come bare. */
export function sqlStateOf(error: unknown): string | undefined {
  return chain(error)
    .map((link) => textOf(link, 'code'))
    .find((code) => code !== undefined && SQLSTATE.test(code));
}

/** Whether the connection was lost: nothing more is heard of what was on its way. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return state.startsWith('08') || ['57P01', '57P02', '57P03'].includes(state);
  return chain(error).some(
    (link) => NETWORK.has(textOf(link, 'code') ?? '') || LOST.test(textOf(link, 'message') ?? ''),
  );
}

/** The same, for a statement that may have reached the server: pg sends none on a connection that it knows to be dead. */
export const isLostOnItsWay = (error: unknown): boolean =>
  isConnectionLost(error) && !chain(error).some((link) => NEVER_SENT.test(textOf(link, 'message') ?? ''));

/** Whether running the whole transaction again may help: serialization failure or deadlock. */
export function isSerializationFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}

/** An error of MikroORM or pg as the suite's own; an InfraError stays what it is. */
export function dbError(place: DbPlace, error: unknown, facts: DbErrorFacts = {}): InfraError {
  if (isInfraError(error)) return error;
  const links = chain(error);
  const sqlState = sqlStateOf(error);
  const constraint = links.map((link) => textOf(link, 'constraint')).find((name) => name !== undefined);
  const options = { ...origin(place), ...facts, sqlState, constraint, cause: error };
  const code = sqlState === undefined || facts.outcome !== undefined ? undefined : codeOfSqlState(sqlState);
  if (sqlState !== undefined && code !== undefined) {
    const what = SENTENCES[sqlState] ?? SENTENCES[sqlState.slice(0, 2)] ?? 'the server refuses it';
    const detail = constraint === undefined ? '' : ` (constraint ${constraint})`;
    return new DbError(code, `${place.label}: ${what}${detail} [${sqlState}]`, options);
  }
  if (links.some((link) => POOL_TIMEOUT.test(textOf(link, 'message') ?? '')))
    return new DbError(
      'RESOURCE_EXHAUSTED',
      `${place.label}: no connection was free within pool.acquireTimeoutMs; raise pool.max or look for long transactions`,
      { ...options, retryable: true },
    );
  if (isConnectionLost(error))
    return facts.outcome === undefined
      ? new DbError('UNAVAILABLE', `${place.label}: the server is away or the connection was lost`, options)
      : new DbError(
          'UNAVAILABLE',
          `${place.label}: the connection was lost during COMMIT; whether it happened only the data can tell`,
          { ...options, retryable: false },
        );
  const names = links.map((link) => textOf(link, 'name'));
  if (names.includes('OptimisticLockError'))
    return new DbError('ABORTED', `${place.label}: the row was changed by another; read it again`, options);
  if (names.includes('NotFoundError'))
    return new DbError('NOT_FOUND', `${place.label}: ${messageOf(error)}`, options);
  if (names.includes('ValidationError'))
    return new DbError('INVALID_ARGUMENT', `${place.label}: ${firstLine(messageOf(error))}`, options);
  return new DbError('INTERNAL', `${place.label}: ${messageOf(error)}`, options);
}

/** MikroORM shows the entity in the lines below, with all its values. */
const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
