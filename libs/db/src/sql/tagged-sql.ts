import { CompiledQuery } from 'kysely';
import type { EntityManager } from '@mikro-orm/sql';
import type { CallOptions } from '@infra-kit/kernel';
import { invalidArgument, sqlStateOf, type DbPlace } from '../db.errors.js';
import type { SqlTag } from '../db.types.js';
import type { QueryLog } from '../orm/query-log.js';

export interface BoundSql {
  readonly text: string;
  readonly values: readonly unknown[];
}

const isUnbindable = (value: unknown): boolean =>
  typeof value === 'function' || typeof value === 'symbol' || value instanceof Promise;

/** Not `rollback to` a savepoint. */
const ENDS_OR_BEGINS =
  /^\s*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+((work|transaction)\s+)?to\b))\b/i;

/** `select … where id = ${id}` as text with `$1` and its values. INVALID_ARGUMENT unless it came from a template. */
export function bindSql(place: DbPlace, strings: TemplateStringsArray, values: readonly unknown[]): BoundSql {
  if (!Array.isArray(strings) || !Array.isArray(Reflect.get(strings, 'raw')))
    throw invalidArgument(place, 'sql is a tagged template: write db.sql`select …`, not db.sql(…)');
  const missing = values.findIndex((value) => value === undefined);
  if (missing >= 0)
    throw invalidArgument(place, `value ${missing + 1} of the sql is undefined; pass null for NULL`);
  const strange = values.findIndex((value) => isUnbindable(value));
  if (strange >= 0) {
    const value = values[strange];
    if (value instanceof Promise) value.catch(() => undefined); // of a query inside the query: told of here
    throw invalidArgument(
      place,
      `value ${strange + 1} of the sql is a ${value instanceof Promise ? 'promise' : typeof value}; values are bound as data, write sql into the text`,
    );
  }
  const [start = ''] = strings;
  if (ENDS_OR_BEGINS.test(start))
    throw invalidArgument(
      place,
      'sql begins and ends no transactions, its connection is shared; use transaction',
    );
  const text = strings.reduce((whole, part, index) => `${whole}$${index}${part}`);
  return { text, values };
}

type RunSql = <T extends object>(
  options: CallOptions | undefined,
  strings: TemplateStringsArray,
  values: readonly unknown[],
) => Promise<T[]>;

/** The tag, and the one with limits of its own. */
export function sqlTag(run: RunSql): SqlTag {
  return Object.assign(
    <T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]) =>
      run<T>(undefined, strings, values),
    {
      with:
        (options: CallOptions) =>
        <T extends object>(strings: TemplateStringsArray, ...values: readonly unknown[]) =>
          run<T>(options, strings, values),
    },
  );
}

/** Runs it where the manager is: in its transaction, or on a connection of the pool. */
export async function runSql<T extends object>(
  em: EntityManager,
  { text, values }: BoundSql,
  log: QueryLog,
  signal: AbortSignal | undefined,
): Promise<T[]> {
  const started = performance.now();
  const ended = (error?: string): void =>
    log.ended({ sql: text, tookMs: performance.now() - started, error, params: values });
  try {
    const query = CompiledQuery.raw(text, [...values]) as CompiledQuery<T>; // the caller says what it selects
    const abort = signal && { signal, inflightQueryAbortStrategy: 'cancel query' as const };
    const { rows } = await em.getKysely().executeQuery(query, abort);
    ended();
    return rows;
  } catch (error) {
    ended(sqlStateOf(error) ?? 'failed');
    throw error;
  }
}
