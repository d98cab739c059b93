import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDb } from '@infra-kit/db';
import { dbSuite } from '@infra-kit/db/testing';
import { platformPackage } from '../src/drivers/embedded/postgres-binaries.js';
import { Child } from './fixtures/child.js';

const PATIENT_MS = 120_000; // initdb in wasm takes its time
const pglite = (dataDir?: string): string =>
  JSON.stringify({ driver: 'embedded', embedded: 'pglite', dataDir });

describe('PGlite', () => {
  let dataDir = '';
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'db-pglite-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));
  dbSuite(
    { describe, it: (name, body) => it(name, body, PATIENT_MS) },
    {
      name: 'on a folder holds the suite',
      concurrent: false,
      options: () => ({ driver: 'embedded', embedded: 'pglite', dataDir }),
    },
  );

  it(
    'says what it cannot do, and keeps nothing without a folder',
    async () => {
      const options = { driver: 'embedded', embedded: 'pglite' } as const;
      {
        await using db = await createDb(options, { env: 'test' });
        expect(db.capabilities).toEqual({
          concurrentTransactions: false,
          cancellation: false,
          sessions: false,
        });
        await db.sql`create table kept (id int)`;
        expect(await db.health()).toMatchObject({ status: 'up', detail: { driver: 'pglite' } });
      }
      await using again = await createDb(options, { env: 'test' });
      expect(await again.sql`select to_regclass('kept') as found`).toEqual([{ found: null }]);
    },
    PATIENT_MS,
  );

  it(
    'keeps a second out of its folder, in this process and in another, until the first has closed',
    async () => {
      const refused = {
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining(`process ${process.pid} has ${dataDir} open`),
      };
      const options = { driver: 'embedded', embedded: 'pglite', dataDir } as const;
      const db = await createDb(options, { env: 'test' });
      await db.sql`create table if not exists kept (id int)`;
      await expect(createDb(options, { env: 'test' })).rejects.toMatchObject(refused);
      await using second = new Child('embedded-process.mjs', [pglite(dataDir)]);
      expect(await second.answer()).toMatchObject(refused);
      await db.close();
      await using again = await createDb(options, { env: 'test' });
      expect(await again.sql`select to_regclass('kept')::text as found`).toEqual([{ found: 'kept' }]);
    },
    PATIENT_MS,
  );

  it(
    'takes over the folder of a process that was killed',
    async () => {
      const first = new Child('embedded-process.mjs', [pglite(dataDir)]);
      expect(await first.answer()).toMatchObject({ driver: 'pglite' });
      await first.kill();
      const locks = async (): Promise<string[]> =>
        (await readdir(dataDir)).filter((name) => name.endsWith('lock'));
      expect(await locks()).toHaveLength(1);
      await using second = new Child('embedded-process.mjs', [pglite(dataDir)]);
      expect(await second.answer()).toMatchObject({ driver: 'pglite' });
      expect(await second.end()).toBe(0);
      expect(await locks()).toEqual([]);
    },
    PATIENT_MS,
  );

  const here = platformPackage() ?? 'no package';
  it(
    'takes the place of the embedded server, with a warning, where that is not installed',
    async () => {
      await using child = new Child('embedded-process.mjs', ['{}', here]);
      expect(await child.answer()).toEqual({
        driver: 'pglite',
        warnings: [
          { message: expect.stringContaining('PGlite takes its place'), remedy: `npm i -D ${here}` },
        ],
      });
    },
    PATIENT_MS,
  );

  it('says what to install when there is neither', async () => {
    await using child = new Child('embedded-process.mjs', ['{}', here, '@mikro-orm/pglite']);
    expect(await child.answer()).toEqual({
      code: 'FAILED_PRECONDITION',
      message: `db: no embedded database is installed: npm i -D ${here}, or npm i @mikro-orm/pglite`,
    });
    await using asked = new Child('embedded-process.mjs', [pglite(), '@mikro-orm/pglite']);
    expect(await asked.answer()).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('npm i @mikro-orm/pglite'),
    });
  });
});
