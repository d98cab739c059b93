import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { onceSuite } from '@infra-kit/once/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let dataDir = '';
let owner: DbProvider;
let pglite: DbProvider;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'once-embedded-'));
  // one server for all tests, which adopt it
  owner = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
  pglite = await createDb({ driver: 'embedded', embedded: 'pglite' }, { env: 'test' });
}, 120_000);
afterAll(async () => {
  await owner.close();
  await pglite.close();
  await rm(dataDir, { recursive: true, force: true });
});

onceSuite(
  { describe, it },
  {
    name: 'embedded PostgreSQL',
    store: 'db',
    open: async () => {
      const db = await createDb(
        { driver: 'embedded', dataDir, pool: { acquireTimeoutMs: 60_000 } },
        { env: 'test' },
      );
      return { db, close: () => db.close() };
    },
  },
);

onceSuite(
  { describe, it },
  {
    name: 'PGlite',
    store: 'db',
    concurrent: false,
    open: async () => ({ db: pglite, close: async () => undefined }),
  },
);
