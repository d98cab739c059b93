import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { dbSuite } from '@infra-kit/db/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

describe('a PostgreSQL server', () => {
  let database: OwnDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());
  dbSuite(
    { describe, it },
    {
      name: 'holds the suite',
      concurrent: true,
      options: () => ({ driver: 'postgresql', url: database.url }),
    },
  );
});
