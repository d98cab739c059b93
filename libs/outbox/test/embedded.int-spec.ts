import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { outboxSuite } from '@infra-kit/outbox/testing';

let embedded: DbProvider;
let pglite: DbProvider;
beforeAll(async () => {
  embedded = await createDb({ driver: 'embedded', pool: { acquireTimeoutMs: 60_000 } }, { env: 'test' });
  pglite = await createDb({ driver: 'embedded', embedded: 'pglite' }, { env: 'test' });
}, 120_000);
afterAll(async () => {
  await embedded.close();
  await pglite.close();
});

const close = async (): Promise<void> => undefined;

outboxSuite({ describe, it }, { name: 'embedded PostgreSQL', open: async () => ({ db: embedded, close }) });
outboxSuite(
  { describe, it },
  { name: 'PGlite', concurrent: false, open: async () => ({ db: pglite, close }) },
);
