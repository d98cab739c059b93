import type { DbProvider } from '@infra-kit/db';
import { isInfraError } from '@infra-kit/kernel';
import type { OnceRecord } from '../once.provider.js';
import { decodeResult } from '../values/kept-result.js';

/** What `createOnce` makes where `autoMigrate` says so; for a migration of one's own otherwise. */
export const ONCE_TABLE_SQL = `create table if not exists infra_once (
  id text collate "C" primary key,
  fence bigint not null,
  started_at timestamptz not null,
  done_at timestamptz not null,
  expires_at timestamptz not null,
  fingerprint text,
  result text
)`;
/** For the removal of what has expired: small, and no update has to touch it. */
export const ONCE_INDEX_SQL =
  'create index if not exists infra_once_expires_at on infra_once using brin (expires_at)';

/** Takes turns among processes that start at once. */
const SCHEMA_LOCK = 4_927_318_555_022n;
/** The seed that tells these advisory locks from others. */
const LOCK_SEED = 7_013_555;
const UNDEFINED_TABLE = '42P01';
/** Fences of keys that are gone are remembered for so long. */
const KEEP_DAYS = 8;
const PURGED_AT_ONCE = 1000;

export interface DbGrant {
  readonly fence: string;
}

export type DbClaim =
  | ({ readonly kind: 'granted' } & DbGrant)
  | { readonly kind: 'done'; readonly result: string; readonly fingerprint: string | undefined }
  | { readonly kind: 'running' };

interface DoneRow {
  readonly fingerprint: string | null;
  readonly result: string | null;
}

interface ClaimRow extends DoneRow, DbGrant {
  readonly mine: boolean;
}

interface RecordRow extends DoneRow, DbGrant {
  readonly started: number;
  readonly done: number;
  readonly expires: number;
}

/**
 * Records as rows of the transaction that has the effect, written once it has. An advisory lock of the transaction says
 * to others, without waiting, that the key runs; the row is what holds: of two transactions that insert it, one is
 * refused, and rolls its effect back.
 */
export class DbStore {
  readonly #db: DbProvider;

  constructor(db: DbProvider) {
    this.#db = db;
  }

  /** True inside of a transaction of the provider, which a run joins. */
  get inTransaction(): boolean {
    return this.#db.em().isInTransaction();
  }

  async makeTable(): Promise<void> {
    const db = this.#db;
    await db.transaction(async (em) => {
      await db.sql`select pg_advisory_xact_lock(${SCHEMA_LOCK}::bigint)`;
      await em.execute(ONCE_TABLE_SQL, [], 'run');
      await em.execute(ONCE_INDEX_SQL, [], 'run');
    });
  }

  /**
   * One round trip. With `idleMs` the server ends this transaction, and frees the key, once nothing was heard of it for
   * so long. What another transaction commits while this statement runs is not seen yet: `complete` sees it.
   */
  async claim(id: string, idleMs: number | undefined): Promise<DbClaim> {
    const idle = idleMs === undefined ? null : String(idleMs);
    const [row] = await this.#db.sql<ClaimRow>`
      select pg_try_advisory_xact_lock(hashtextextended(${id}::text, ${LOCK_SEED}::bigint)) as mine,
        case when ${idle}::text is not null
          then set_config('idle_in_transaction_session_timeout', ${idle}::text, true) end as idle,
        greatest(own.fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint) as fence,
        own.fingerprint, case when own.expires_at > clock_timestamp() then own.result end as result
      from (values (1)) as one left join infra_once as own on own.id = ${id}::text`;
    if (row === undefined) throw new RangeError('a claim is answered by one row');
    const { mine, fence, fingerprint, result } = row;
    if (result !== null) return { kind: 'done', result, fingerprint: fingerprint ?? undefined };
    return mine ? { kind: 'granted', fence } : { kind: 'running' };
  }

  /** False: another transaction has completed the key meanwhile, and this one must not commit. */
  async complete(
    id: string,
    { fence }: DbGrant,
    done: { readonly result: string; readonly fingerprint: string | undefined; readonly ttlMs: number },
  ): Promise<boolean> {
    const rows = await this.#db.sql`
      insert into infra_once as own (id, fence, started_at, done_at, expires_at, fingerprint, result)
      values (${id}, ${fence}::bigint, now(), clock_timestamp(),
        clock_timestamp() + ${done.ttlMs}::float8 * interval '1 millisecond', ${done.fingerprint ?? null}, ${done.result})
      on conflict (id) do update set fence = excluded.fence, started_at = excluded.started_at,
        done_at = excluded.done_at, expires_at = excluded.expires_at, fingerprint = excluded.fingerprint,
        result = excluded.result
      where own.expires_at <= clock_timestamp() and own.fence < excluded.fence
      returning 1 as done`;
    return rows.length > 0;
  }

  /** Says to the server that the transaction is alive. */
  async beat(): Promise<void> {
    await this.#db.sql`select 1`;
  }

  async read(id: string, leaseMs: number): Promise<OnceRecord | undefined> {
    const [row] = await this.#db.sql<RecordRow>`select fence, fingerprint, result,
      floor(extract(epoch from started_at) * 1000)::float8 as started,
      floor(extract(epoch from done_at) * 1000)::float8 as done,
      floor(extract(epoch from expires_at) * 1000)::float8 as expires
      from infra_once where id = ${id} and expires_at > clock_timestamp()`;
    if (row !== undefined) return recordOf(row);
    const [running] = await this.#db.sql<{ started: number | null }>`select
      floor(extract(epoch from activity.xact_start) * 1000)::float8 as started
      from pg_locks as held left join pg_stat_activity as activity on activity.pid = held.pid
      where held.locktype = 'advisory' and held.granted and held.objsubid = 1
        and held.database = (select oid from pg_database where datname = current_database())
        and ((held.classid::bigint << 32) | held.objid::bigint) = hashtextextended(${id}::text, ${LOCK_SEED}::bigint)`;
    if (running === undefined) return undefined;
    const startedAt = running.started ?? 0;
    return { status: 'running', fence: 0n, startedAt, expiresAt: startedAt + leaseMs };
  }

  /** The row stays for its fence. */
  async clear(id: string): Promise<boolean> {
    const rows = await this.#db.sql`update infra_once set expires_at = clock_timestamp(), result = null,
      fingerprint = null where id = ${id} and expires_at > clock_timestamp() returning 1 as cleared`;
    return rows.length > 0;
  }

  async clearAll(prefix: string): Promise<number> {
    const rows = await this.#db.sql`update infra_once set expires_at = clock_timestamp(), result = null,
      fingerprint = null where starts_with(id, ${prefix}) and expires_at > clock_timestamp() returning 1 as cleared`;
    return rows.length;
  }

  /** Removes rows that expired long ago; how many. */
  async purge(): Promise<number> {
    const rows = await this.#db.sql`delete from infra_once where id in (
      select id from infra_once where expires_at < clock_timestamp() - ${KEEP_DAYS}::int * interval '1 day'
      limit ${PURGED_AT_ONCE} for update skip locked) returning 1 as gone`;
    return rows.length;
  }
}

function recordOf({ fence, started, done, expires, fingerprint, result }: RecordRow): OnceRecord {
  const base = {
    fence: BigInt(fence),
    startedAt: started,
    expiresAt: expires,
    ...(fingerprint !== null && { fingerprint }),
  };
  const decoded = decodeResult(result ?? '');
  return {
    ...base,
    status: 'done',
    doneAt: done,
    value: decoded.kind === 'value' ? decoded.value : undefined,
  };
}

/** The table is not there. */
export function isTableMissing(error: unknown): boolean {
  return isInfraError(error) && Reflect.get(error, 'sqlState') === UNDEFINED_TABLE;
}
