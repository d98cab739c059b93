import type { EntityManager } from '@mikro-orm/sql';
import type { InfraContext } from '@infra-kit/kernel';
import { invalidArgument, type DbPlace } from '../db.errors.js';
import type { IsolationLevel, TransactionOptions } from '../db.types.js';

const FIELDS: ReadonlySet<string> = new Set([
  'isolation',
  'readOnly',
  'propagation',
  'retries',
  'signal',
  'timeoutMs',
]);
const ISOLATIONS = {
  'read-committed': 'read committed',
  'repeatable-read': 'repeatable read',
  serializable: 'serializable',
} as const;
const PROPAGATIONS = ['required', 'requires-new', 'nested'];
export const DEFAULT_RETRIES = 3;

/** Refuses what is no option, before anything happens. */
export function checkTransactionOptions(place: DbPlace, options: TransactionOptions): void {
  const unknown = Object.keys(options).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw invalidArgument(place, `${unknown} is no option of a transaction`);
  const { isolation, propagation, retries, readOnly } = options;
  if (isolation !== undefined && !Object.hasOwn(ISOLATIONS, isolation))
    throw invalidArgument(
      place,
      `isolation must be ${Object.keys(ISOLATIONS).join(', ')}, got ${JSON.stringify(isolation)}`,
    );
  if (propagation !== undefined && !PROPAGATIONS.includes(propagation))
    throw invalidArgument(
      place,
      `propagation must be ${PROPAGATIONS.join(', ')}, got ${JSON.stringify(propagation)}`,
    );
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0 && retries <= 100))
    throw invalidArgument(place, `retries must be a whole number from 0 to 100, got ${String(retries)}`);
  if (readOnly !== undefined && typeof readOnly !== 'boolean')
    throw invalidArgument(place, `readOnly must be true or false, got ${String(readOnly)}`);
}

export function ormIsolation(
  level: IsolationLevel | undefined,
): (typeof ISOLATIONS)[IsolationLevel] | undefined {
  return level === undefined ? undefined : ISOLATIONS[level];
}

/** Kysely's PGlite begins every transaction alike. */
export async function setModes(
  em: EntityManager,
  { isolation, readOnly }: TransactionOptions,
): Promise<void> {
  const level = ormIsolation(isolation);
  const modes = [
    ...(level === undefined ? [] : [`isolation level ${level}`]),
    ...(readOnly ? ['read only'] : []),
  ];
  if (modes.length > 0) await em.execute(`set transaction ${modes.join(', ')}`, [], 'run');
}

export const abortable = (
  signal: AbortSignal | undefined,
): { signal?: AbortSignal; inflightQueryAbortStrategy?: 'cancel query' } =>
  signal === undefined ? {} : { signal, inflightQueryAbortStrategy: 'cancel query' };

export const isUnlimited = (context: ReturnType<typeof InfraContext.current>): boolean =>
  context?.signal === undefined && context?.deadlineMonotonic === undefined;
