/** SQLSTATE (ISO/IEC 9075, and PostgreSQL's own), whole or by its class, the first two characters. */
const CODES = {
  '08': 'UNAVAILABLE',
  '22': 'INVALID_ARGUMENT',
  '23': 'FAILED_PRECONDITION',
  '23505': 'ALREADY_EXISTS',
  '23P01': 'ALREADY_EXISTS',
  '25': 'FAILED_PRECONDITION',
  '28': 'PERMISSION_DENIED',
  '3D000': 'NOT_FOUND',
  '40': 'ABORTED',
  '42': 'INTERNAL',
  '42501': 'PERMISSION_DENIED',
  '53': 'RESOURCE_EXHAUSTED',
  '55': 'FAILED_PRECONDITION',
  '55P03': 'ABORTED',
  '57014': 'DEADLINE_EXCEEDED',
  '57P01': 'UNAVAILABLE',
  '57P02': 'UNAVAILABLE',
  '57P03': 'UNAVAILABLE',
} as const;
type DatabaseCode = (typeof CODES)[keyof typeof CODES];
const isListed = (state: string): state is keyof typeof CODES => Object.hasOwn(CODES, state);

/** Our code for an SQLSTATE; undefined for one that says nothing in particular. */
export function codeOfSqlState(state: string): DatabaseCode | undefined {
  const listed = [state, state.slice(0, 2)].find((each) => isListed(each));
  return listed === undefined ? undefined : CODES[listed];
}

/** What a database client's error says by its `code`, as pg's and MikroORM's do, or MikroORM's by its name. */
export function databaseCodeOf(error: unknown): DatabaseCode | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'OptimisticLockError') return 'ABORTED';
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' && /^(?!E[A-Z])[0-9A-Z]{5}$/.test(code) ? codeOfSqlState(code) : undefined;
}
