import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { dbSuite } from '@infra-kit/db/testing';

/** Hundreds of transactions meet in it, on a machine that may be busy. */
const PATIENT_MS = 120_000;

describe('the embedded PostgreSQL', () => {
  let dataDir = '';
  let owner: DbProvider;
  // one server for the whole suite: every test's provider adopts it
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'db-suite-'));
    owner = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
  }, 60_000);
  afterAll(async () => {
    await owner.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  dbSuite(
    { describe, it: (name, body) => it(name, body, PATIENT_MS) },
    { name: 'holds the suite', concurrent: true, options: () => ({ driver: 'embedded', dataDir }) },
  );
});
