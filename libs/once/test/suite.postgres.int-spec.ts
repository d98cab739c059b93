import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { createDb } from '@infra-kit/db';
import { onceSuite } from '@infra-kit/once/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

let database: OwnDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());

onceSuite(
  { describe, it },
  {
    name: 'PostgreSQL',
    store: 'db',
    open: async () => {
      const db = await createDb({ url: database.url, pool: { acquireTimeoutMs: 60_000 } }, { env: 'test' });
      return { db, close: () => db.close() };
    },
  },
);
