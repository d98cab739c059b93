import type { ServerAddress } from '../servers/running-server.js';
import { sharedPostgres } from '../servers/shared.js';
import { uniquePrefix } from '../unique-prefix.js';

export interface OwnDatabase {
  readonly name: string;
  /** With user, password and parameters of the server's url. */
  readonly url: string;
  /** Drops it, and ends every session in it. Harmless when repeated. */
  drop(): Promise<void>;
}

export interface OwnDatabaseOptions {
  /** Where; default the run's shared PostgreSQL. */
  readonly server?: Pick<ServerAddress, 'url'> | undefined;
  /** The name of a database to copy, in which nobody has a session meanwhile. Default an empty database. */
  readonly template?: string | undefined;
}

/** PostgreSQL knows how to copy files since 15: a third of the time of its own default for small databases. */
const FILE_COPY_SINCE = 150_000;

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** A database that no other spec, worker or run uses. Whoever makes it drops it. */
export async function createDatabase(options: OwnDatabaseOptions = {}): Promise<OwnDatabase> {
  const { server = sharedPostgres(), template = 'template0' } = options;
  const name = uniquePrefix('infra_test', '').replaceAll('-', '_');
  await maintain(server.url, async (query) => {
    const [row] = await query('SHOW server_version_num');
    const strategy = Number(row?.['server_version_num']) >= FILE_COPY_SINCE ? ' STRATEGY file_copy' : '';
    await query(`CREATE DATABASE ${quoted(name)} TEMPLATE ${quoted(template)}${strategy}`);
  });
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return {
    name,
    url: url.href,
    drop: () =>
      maintain(server.url, async (query) => {
        await query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
      }),
  };
}

type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** One session for one piece of work. The client library is loaded only here. */
async function maintain(url: string, work: (query: Query) => Promise<void>): Promise<void> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
  } finally {
    await client.end();
  }
}
