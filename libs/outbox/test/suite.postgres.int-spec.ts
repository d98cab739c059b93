import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { outboxSuite } from '@infra-kit/outbox/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

let database: OwnDatabase;
let db: DbProvider;
beforeAll(async () => {
  database = await createDatabase();
  db = await createDb({ url: database.url, pool: { max: 20, acquireTimeoutMs: 60_000 } }, { env: 'test' });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

outboxSuite(
  { describe, it },
  { name: 'PostgreSQL', open: async () => ({ db, close: async () => undefined }) },
);
