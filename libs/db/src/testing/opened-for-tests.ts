import type { DbProvider } from '../db.provider.js';
import type { SuiteRunner } from './suite-target.js';

/** Names of tests, and what each does with a database. */
export type DbTests = Readonly<Record<string, (db: DbProvider) => Promise<void>>>;

/** Each test on a database that is opened for it and closed after it. */
export function eachOpened({ it }: SuiteRunner, tests: DbTests, open: () => Promise<DbProvider>): void {
  for (const [name, test] of Object.entries(tests))
    it(name, async () => {
      const db = await open();
      try {
        await test(db);
      } finally {
        await db.close();
      }
    });
}

/** All tests on one database, opened by the first; a last one closes it. */
export function openedOnce({ it }: SuiteRunner, tests: DbTests, open: () => Promise<DbProvider>): void {
  let opened: Promise<DbProvider> | undefined;
  for (const [name, test] of Object.entries(tests)) it(name, async () => test(await (opened ??= open())));
  it('closes when all that was done on it is over', async () => (await opened)?.close());
}
