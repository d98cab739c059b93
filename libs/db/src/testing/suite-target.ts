import { randomBytes } from 'node:crypto';
import { defineEntity, p } from '@mikro-orm/core';
import { isInfraError } from '@infra-kit/kernel';
import { createDb } from '../create-db.js';
import type { DbOptions } from '../db.config.js';
import type { DbProvider } from '../db.provider.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

export interface DbSuiteTarget {
  readonly name: string;
  /** Options of a database that the suite may fill; every call another, or the same: names in it are of the suite's own making. */
  readonly options: () => DbOptions | Promise<DbOptions>;
  /**
   * Transactions run beside each other, statements can be cancelled: not so in PGlite. Opening it takes seconds besides:
   * its tests share one database.
   */
  readonly concurrent: boolean;
}

const run = randomBytes(4).toString('hex');

/** Tables of this run alone, so that a shared database does no harm. */
export const Account = defineEntity({
  name: 'SuiteAccount',
  tableName: `suite_account_${run}`,
  checks: [{ name: `suite_balance_${run}`, expression: 'balance >= 0' }],
  properties: {
    id: p.string().primary(),
    owner: p.string().unique(),
    balance: p.integer(),
    remark: p.string().nullable(),
  },
});

export const Entry = defineEntity({
  name: 'SuiteEntry',
  tableName: `suite_entry_${run}`,
  properties: {
    id: p.string().primary(),
    account: () => p.manyToOne(Account),
    note: p.string(),
  },
});

/** What a test of the suite works with. */
export interface Bench {
  readonly db: DbProvider;
  readonly target: DbSuiteTarget;
  /** An account that no other test uses. */
  readonly account: (balance?: number) => Promise<string>;
  readonly balance: (id: string) => Promise<number | undefined>;
}

export type SuiteTest = (bench: Bench) => Promise<void>;

export const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    isInfraError(error) && error.code === code;

export const randomName = (): string => randomBytes(8).toString('hex');

/** A database with the suite's tables. */
export async function openTarget(target: DbSuiteTarget): Promise<DbProvider> {
  const options = await target.options();
  return createDb(
    {
      ...options,
      entities: [Account, Entry],
      autoMigrate: true,
      pool: { acquireTimeoutMs: 60_000 }, // hundreds of calls wait for ten connections, on a machine that may be busy
    },
    { env: 'test' },
  );
}

export function benchOn(target: DbSuiteTarget, db: DbProvider): Bench {
  return {
    db,
    target,
    account: async (balance = 0) => {
      const id = randomName();
      await db.transaction(async (em) => void em.create(Account, { id, owner: `owner-${id}`, balance }));
      return id;
    },
    balance: async (id) => (await db.em().fork().findOne(Account, { id }))?.balance,
  };
}
