import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, type OwnDatabase, sharedPostgres } from '@infra-kit/testkit';

describe('a database of the shared PostgreSQL', () => {
  const made: OwnDatabase[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((database) => database.drop()));
  });
  async function database(template?: string): Promise<OwnDatabase> {
    const own = await createDatabase({ template });
    made.push(own);
    return own;
  }
  async function query(url: string, sql: string): Promise<readonly unknown[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  it('is seen by nobody else', async () => {
    const [mine, yours] = await Promise.all([database(), database()]);
    await query(mine.url, 'CREATE TABLE t (a int)');
    await expect(query(yours.url, 'SELECT * FROM t')).rejects.toThrow('relation "t" does not exist');
    expect(await query(mine.url, 'SELECT * FROM t')).toEqual([]);
  });

  it('begins with all that its template holds', async () => {
    const template = await database();
    await query(template.url, 'CREATE TABLE t AS SELECT 7 AS a');
    expect(await query((await database(template.name)).url, 'SELECT a FROM t')).toEqual([{ a: 7 }]);
  });

  it('is gone after drop, also while somebody has a session in it, and drop can be repeated', async () => {
    const own = await database();
    const session = new pg.Client({ connectionString: own.url });
    session.on('error', () => {});
    await session.connect();
    await own.drop();
    await own.drop();
    await expect(query(own.url, 'SELECT 1')).rejects.toThrow('does not exist');
    const left = await query(sharedPostgres().url, `SELECT 1 FROM pg_database WHERE datname = '${own.name}'`);
    expect(left).toEqual([]);
    await session.end().catch(() => {});
  });
});
