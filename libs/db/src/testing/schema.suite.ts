import { deepEqual, equal } from 'node:assert/strict';
import { Account, type SuiteTest } from './suite-target.js';

export const schemaTests: Readonly<Record<string, SuiteTest>> = {
  'autoMigrate has nothing to do the second time': async ({ db }) => {
    deepEqual(await db.autoMigrate(), []);
    deepEqual(await db.autoMigrate({ dryRun: true }), []);
  },
  'autoMigrate adds a column that is missing, and dryRun only says so': async ({ db }) => {
    const { tableName } = db.orm.getMetadata().get(Account);
    await db.em().execute(`alter table ${tableName} drop column remark`);
    const planned = await db.autoMigrate({ dryRun: true });
    equal(
      planned.some((statement) => statement.includes('"remark"')),
      true,
    );
    deepEqual(await db.autoMigrate({ dryRun: true }), planned);
    deepEqual(await db.autoMigrate(), planned);
    deepEqual(await db.autoMigrate(), []);
  },
  'autoMigrate drops nothing that it does not know': async ({ db }) => {
    const { tableName } = db.orm.getMetadata().get(Account);
    await db.em().execute(`alter table ${tableName} add column if not exists foreign_to_us text`);
    await db.em().execute(`create table if not exists ${tableName}_other (id int primary key)`);
    await db.autoMigrate();
    deepEqual(await db.em().execute(`select foreign_to_us from ${tableName} where false`), []);
    deepEqual(await db.em().execute(`select id from ${tableName}_other`), []);
  },
};
