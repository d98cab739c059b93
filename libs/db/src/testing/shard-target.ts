import { deepEqual } from 'node:assert/strict';
import { defineEntity, p } from '@mikro-orm/core';
import { isCode, randomName } from './suite-target.js';
import { createDb } from '../create-db.js';
import type { DbOptions } from '../db.config.js';
import type { DbProvider } from '../db.provider.js';

/** Not sharded; what is sharded refers to it, and it to what is sharded. */
export const Article = defineEntity({
  name: 'SuiteArticle',
  tableName: 'suite_article',
  properties: {
    id: p.string().primary(),
    title: p.string(),
    sales: () => p.oneToMany(Sale).mappedBy('article'),
  },
});
export const Sale = defineEntity({
  name: 'SuiteSale',
  tableName: 'suite_sale',
  properties: {
    id: p.string().primary(),
    userId: p.integer(),
    total: p.integer(),
    article: () => p.manyToOne(Article).nullable(),
    lines: () => p.oneToMany(SaleLine).mappedBy('sale'),
  },
});
export const SaleLine = defineEntity({
  name: 'SuiteSaleLine',
  tableName: 'suite_sale_line',
  properties: {
    id: p.string().primary(),
    userId: p.integer(),
    sale: () => p.manyToOne(Sale),
    count: p.integer(),
  },
});
/** Rows that refer to rows of the same table, numbered by a sequence. */
export const Remark = defineEntity({
  name: 'SuiteRemark',
  tableName: 'suite_remark',
  properties: {
    id: p.integer().primary().autoincrement(),
    userId: p.integer(),
    text: p.string(),
    answers: () => p.manyToOne(Remark).nullable(),
  },
});

export interface ShardSuiteTarget {
  readonly name: string;
  /** Options of databases that are empty at first: driver and addresses; the rest of `sharding` is the suite's. */
  readonly options: () => Promise<DbOptions>;
  /** Two instances at once, and statements that can be cancelled: not so in PGlite, whose tests share one instance. */
  readonly concurrent: boolean;
}

/** What a test works with: a database, and, where it asks for that, another instance of it. */
export type ShardTest = (db: DbProvider, open: () => Promise<DbProvider>) => Promise<void>;

export const USERS = Array.from({ length: 100 }, (_, user) => user);
const KEY = { key: 'userId' };

export function openShards(options: DbOptions): Promise<DbProvider> {
  const tables = { suite_sale: KEY, suite_sale_line: KEY, suite_remark: KEY };
  return createDb(
    {
      autoMigrate: true,
      ...options,
      entities: [Article, Sale, SaleLine, Remark],
      pool: { acquireTimeoutMs: 60_000 },
      sharding: { ...options.sharding, tables, shards: options.sharding?.shards ?? 16 },
    },
    { env: 'test' },
  );
}

export async function sell(db: DbProvider, userId: number, total = 1): Promise<string> {
  const id = randomName();
  await db.shards.of(userId).transaction(async (em) => {
    const sale = em.create(Sale, { id, userId, total });
    em.create(SaleLine, { id: `${id}-1`, userId, sale, count: 1 });
  });
  return id;
}

/** A user in each of two shards. */
export function twoUsers(db: DbProvider): readonly [number, number] {
  const at = (user: number): number => db.shards.indexOf('suite_sale', user);
  const [first = 0] = USERS;
  return [first, USERS.find((user) => at(user) !== at(first)) ?? first];
}

/** That each sale is in its user's shard alone, and whole. */
export async function onlyIn(db: DbProvider, user: number, ids: readonly string[]): Promise<void> {
  const found = await db.shards.all((em) => em.find(Sale, { userId: user }, { populate: ['lines'] }));
  const index = db.shards.indexOf('suite_sale', user);
  deepEqual(
    found.map((sales, at) => (at === index ? [] : sales.map(({ id }) => id))),
    found.map(() => []),
  );
  deepEqual((found[index] ?? []).map(({ id }) => id).sort(), [...ids].sort());
  deepEqual(
    (found[index] ?? []).filter(({ lines }) => lines.length !== 1),
    [],
  );
}

export function threw(fn: () => unknown, code: string): boolean {
  try {
    fn();
    return false;
  } catch (error) {
    return isCode(code)(error);
  }
}
