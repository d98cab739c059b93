import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { shardSuite } from '@infra-kit/db/testing';

const PATIENT_MS = 240_000; // initdb in wasm takes its time

describe('shards in PGlite', () => {
  let dataDir = '';
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'db-shards-pglite-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));
  shardSuite(
    { describe, it: (name, body) => it(name, body, PATIENT_MS) },
    {
      name: 'hold the suite',
      concurrent: false,
      options: async () => ({ driver: 'embedded', embedded: 'pglite', dataDir }),
    },
  );
});
