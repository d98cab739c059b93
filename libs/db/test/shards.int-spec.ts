import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { shardSuite } from '@infra-kit/db/testing';

/** A dozen writers meet a move, on a machine that may be busy. */
const PATIENT_MS = 120_000;

describe('shards of the embedded PostgreSQL', () => {
  let dataDir = '';
  let owner: DbProvider;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'db-shards-'));
    owner = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
  }, 60_000);
  afterAll(async () => {
    await owner.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  shardSuite(
    { describe, it: (name, body) => it(name, body, PATIENT_MS) },
    { name: 'hold the suite', concurrent: true, options: async () => ({ driver: 'embedded', dataDir }) },
  );
});
