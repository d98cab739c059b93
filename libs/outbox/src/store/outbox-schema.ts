import type { DbProvider } from '@infra-kit/db';
import type { TableNames } from './named-sql.js';

/** Takes turns among processes that start at once. */
const SCHEMA_LOCK = 4_927_318_555_023n;

/** What `migrate` runs; for a migration of one's own otherwise. */
export function outboxSchemaSql(names: TableNames): readonly string[] {
  return [
    `create table if not exists ~outbox (
  seq bigint generated always as identity primary key,
  id uuid not null,
  topic text not null,
  key bytea,
  slot smallint not null,
  payload json,
  bytes bytea,
  headers json not null,
  partition integer,
  timestamp_ms bigint,
  created_at timestamptz not null default clock_timestamp(),
  due_at timestamptz,
  attempts integer not null default 0,
  error_code text,
  error_message text,
  parked_at timestamptz,
  sent_at timestamptz
)`,
    // what the relay reads: the head of it, by order
    `create index if not exists ${names.index('outbox', 'pending')} on ~outbox (seq) where sent_at is null and parked_at is null`,
    // keys that are in trouble: few
    `create index if not exists ${names.index('outbox', 'trouble')} on ~outbox (topic, key, seq) where sent_at is null and attempts > 0`,
    `create index if not exists ${names.index('outbox', 'parked')} on ~outbox (id) where parked_at is not null and sent_at is null`,
    `create index if not exists ${names.index('outbox', 'sent')} on ~outbox (sent_at) where sent_at is not null`,
    `create table if not exists ~inbox (
  consumer text collate "C" not null,
  message_id text collate "C" not null,
  handled_at timestamptz not null default clock_timestamp(),
  primary key (consumer, message_id)
)`,
    // small, since rows come in this order
    `create index if not exists ${names.index('inbox', 'handled')} on ~inbox using brin (handled_at)`,
  ].map((text) => names.in(text));
}

const NAME = /^create (table|index) if not exists (\S+)/;

/** Makes what is missing; the statements that made something. */
export async function makeTables(db: DbProvider, names: TableNames): Promise<string[]> {
  return db.transaction(async (em) => {
    await db.sql`select pg_advisory_xact_lock(${SCHEMA_LOCK}::bigint)`;
    const schemas = {
      outbox: schemaOf(names.plain.outbox),
      inbox: schemaOf(names.plain.inbox),
    };
    const made: string[] = [];
    for (const statement of outboxSchemaSql(names)) {
      const [, kind = '', name = ''] = NAME.exec(statement) ?? [];
      const table = statement.includes(names.inbox) ? schemas.inbox : schemas.outbox;
      const full = kind === 'index' && table !== undefined ? `"${table}".${name}` : name;
      const [present] = await db.sql<{ there: boolean }>`select to_regclass(${full}) is not null as there`;
      if (present?.there === true) continue;
      await em.execute(statement, [], 'run');
      made.push(statement);
    }
    return made;
  });
}

function schemaOf(name: string): string | undefined {
  const [schema, table] = name.split('.');
  return table === undefined ? undefined : schema;
}
