import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { createDb } from '@infra-kit/db';
import { until } from '@infra-kit/testkit';
import { EmbeddedPostgresDriver } from '../src/drivers/embedded/embedded-postgres.driver.js';
import { findPostgres } from '../src/drivers/embedded/postgres-binaries.js';
import { makeHome } from '../src/drivers/embedded/server-home.js';
import { readPostmaster } from '../src/drivers/embedded/postmaster.js';
import { serverUser } from '../src/drivers/embedded/server-user.js';
import { Child } from './fixtures/child.js';

const PATIENT_MS = 120_000;
let dataDir = '';
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'db-embedded-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const child = (): Child =>
  new Child('embedded-process.mjs', [JSON.stringify({ driver: 'embedded', dataDir })]);
const running = async (): Promise<number | undefined> => (await readPostmaster(join(dataDir, 'data')))?.pid;
const temporary = async (pid: number): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith(`infra-kit-db-${pid}-`));

describe('the embedded server', () => {
  it(
    'on a folder keeps its data, and is stopped by the process that started it',
    async () => {
      const options = { driver: 'embedded', dataDir } as const;
      {
        await using db = await createDb(options, { env: 'test' });
        await db.sql`create table kept (id int)`;
        expect(await running()).toEqual(expect.any(Number));
      }
      expect(await running()).toBeUndefined();
      await using again = await createDb(options, { env: 'test' });
      expect(await again.sql`select to_regclass('kept')::text as found`).toEqual([{ found: 'kept' }]);
    },
    PATIENT_MS,
  );

  it('refuses a folder with other files, which it would have to give to its own user', async () => {
    const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const other = join(dataDir, 'holiday.jpg');
    await writeFile(other, '');
    await expect(makeHome(dataDir, user)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('holiday.jpg'),
    });
    await expect(makeHome(other, user)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await rm(other);
    for (const own of ['data', 'postgres.log', '.gitignore']) await writeFile(join(dataDir, own), '');
    await symlink(join(dataDir, 'gone'), join(dataDir, '.s.PGSQL.5432')); // as a file that a running server has removed
    await makeHome(dataDir, user);
  });

  it('under a user id without a name says what to do', async () => {
    // only root may run it as somebody else; to others its own words are shown
    const user = process.getuid?.() === 0 ? { uid: 54_321, gid: 54_321 } : undefined;
    const said = join(dataDir, 'initdb.sh');
    await writeFile(
      said,
      '#!/bin/sh\necho "initdb: error: could not look up effective user ID 54321" >&2\nexit 1\n',
      { mode: 0o755 },
    );
    const found = await findPostgres(serverUser());
    const initdb = user === undefined ? said : found?.initdb;
    const folder = join(dataDir, 'home');
    const driver = new EmbeddedPostgresDriver({
      binaries: { initdb: initdb ?? said, postgres: found?.postgres ?? said },
      user,
      dataDir: folder,
    });
    await chmod(dataDir, 0o755);
    await expect(driver.open()).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('no entry in /etc/passwd'),
    });
    await driver.close();
  });

  it(
    'is not left behind by a start that fails',
    async () => {
      const Keyless = defineEntity({ name: 'Keyless', properties: { name: p.string() } });
      const starting = createDb({ driver: 'embedded', dataDir, entities: [Keyless] }, { env: 'test' });
      await expect(starting).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await running()).toBeUndefined();
    },
    PATIENT_MS,
  );

  it(
    'without a folder leaves nothing behind',
    async () => {
      const before = await temporary(process.pid);
      const db = await createDb({ driver: 'embedded' }, { env: 'test' });
      expect((await temporary(process.pid)).length).toBeGreaterThan(before.length);
      await db.close();
      expect(await temporary(process.pid)).toEqual(before);
    },
    PATIENT_MS,
  );

  it(
    'that runs already is adopted, and stays when the one that adopted it closes',
    async () => {
      await using owner = child();
      await owner.answer();
      const pid = await running();
      const guest = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
      expect(await guest.sql`select 1 as one`).toEqual([{ one: 1 }]);
      await guest.close();
      expect(await running()).toBe(pid);
      expect(await owner.end()).toBe(0);
      expect(await running()).toBeUndefined();
    },
    PATIENT_MS,
  );

  it(
    'whose process was killed is adopted by the next one, with its data',
    async () => {
      const owner = child();
      await owner.answer();
      await owner.kill();
      const pid = await running();
      expect(pid).toEqual(expect.any(Number));
      {
        await using db = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
        expect(await db.health()).toMatchObject({ status: 'up' });
      }
      if (pid !== undefined) process.kill(pid, 'SIGINT'); // nobody's any more: the test ends it
      await until('it has ended', async () => (await running()) === undefined);
    },
    PATIENT_MS,
  );

  it(
    'that two processes start at once on one folder is one server, and both use it',
    async () => {
      const both = [child(), child()];
      const up = { driver: 'embedded', warnings: [] };
      expect(await Promise.all(both.map((each) => each.answer()))).toEqual([up, up]);
      for (const each of both) expect(await each.end()).toBe(0);
      expect(await running()).toBeUndefined();
    },
    PATIENT_MS,
  );
});
