import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { dbSuite } from '@infra-kit/db/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

/** Hundreds of transactions meet in it, on a machine that may be busy. */
const PATIENT_MS = 120_000;

describe('a PostgreSQL server', () => {
  let database: OwnDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());
  dbSuite(
    { describe, it: (name, body) => it(name, body, PATIENT_MS) },
    {
      name: 'holds the suite',
      concurrent: true,
      options: () => ({ driver: 'postgresql', url: database.url }),
    },
  );
});
