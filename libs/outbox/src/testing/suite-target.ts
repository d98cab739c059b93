import { randomBytes } from 'node:crypto';
import { deepEqual } from 'node:assert/strict';
import type { DbProvider } from '@infra-kit/db';
import { isInfraError, SystemClock } from '@infra-kit/kernel';
import { eventually, faulty, RecordingLogger, type Faulty } from '@infra-kit/kernel/testing';
import { createMq, type IncomingMessage, type MqProvider } from '@infra-kit/mq';
import { MemoryBroker, MemoryMqDriver } from '@infra-kit/mq/testing';
import { createOutbox } from '../create-outbox.js';
import type { OutboxOptions } from '../outbox.config.js';
import type { OutboxProvider } from '../outbox.provider.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

export interface OutboxSuiteTarget {
  readonly name: string;
  /** A database that the suite may fill; the same each time will do: its tables are of its own making. */
  readonly open: () => Promise<{ readonly db: DbProvider; readonly close: () => Promise<void> }>;
  /** Default true; false: one transaction at a time, as in PGlite. */
  readonly concurrent?: boolean | undefined;
}

/** What a test of the suite works with: an outbox with tables of its own between the database and an mq in memory. */
export interface Bench {
  readonly db: DbProvider;
  readonly mq: MqProvider;
  readonly driver: Faulty<MemoryMqDriver>;
  readonly outbox: OutboxProvider;
  readonly logger: RecordingLogger;
  readonly topic: string;
  /** One more, with the same tables. */
  readonly another: (options?: OutboxOptions) => Promise<OutboxProvider>;
  /** Publishes in a transaction of its own; the ids. */
  readonly publish: (...values: readonly unknown[]) => Promise<string[]>;
  readonly publishKeyed: (key: string, value: unknown) => Promise<string>;
  /** Everything that has come or comes on the topic. */
  readonly seen: () => Promise<IncomingMessage<unknown>[]>;
  /** An effect in the database, of the running transaction. */
  readonly effect: (name: string) => Promise<void>;
  readonly effects: () => Promise<string[]>;
  /** Rows of the outbox that are left, sent ones included. */
  readonly rows: () => Promise<number>;
  readonly inboxRows: () => Promise<number>;
}

export type SuiteTest = (bench: Bench) => Promise<void>;

export interface SuiteCase {
  readonly options?: OutboxOptions;
  /** Two transactions at once. */
  readonly concurrent?: boolean;
  readonly test: SuiteTest;
}

export const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    isInfraError(error) && error.code === code;

const PATIENT = { withinMs: 20_000 };

/** What is there in the end: tests wait for nothing else. */
export const inTheEnd = (look: () => unknown, expected: unknown): Promise<void> =>
  eventually(async () => deepEqual(await look(), expected), PATIENT);

export const values = (messages: readonly IncomingMessage<unknown>[]): unknown[] =>
  messages.map(({ value }) => value);

/** Bytes of a message at most: larger ones are refused for good. */
const MOST_BYTES = 4096;
export const TOO_LARGE = 'x'.repeat(2 * MOST_BYTES);
const ENV = 'test';

export async function withBench(target: OutboxSuiteTarget, { options, test }: SuiteCase): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  try {
    await test(await openBench(target, options ?? {}, closers));
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function openBench(
  target: OutboxSuiteTarget,
  options: OutboxOptions,
  closers: (() => Promise<void>)[],
): Promise<Bench> {
  const { db, close } = await target.open();
  closers.push(close);
  const run = `suite_${randomBytes(4).toString('hex')}`;
  const logger = new RecordingLogger();
  const driver = faulty(new MemoryMqDriver(new MemoryBroker({ clock: new SystemClock() })));
  const mq = await createMq(
    { driver: driver.driver, producer: { batchBytes: MOST_BYTES } },
    { env: ENV, logger },
  );
  closers.push(() => mq.close());
  const another = async (more: OutboxOptions = {}): Promise<OutboxProvider> => {
    const table = { outbox: run, inbox: `${run}_inbox` };
    const outbox = await createOutbox({ table, pollIntervalMs: 20, ...more }, { db, mq, env: ENV, logger });
    closers.push(() => outbox.close());
    await outbox.migrate();
    return outbox;
  };
  const outbox = await another(options);
  const execute = (sql: string, params: unknown[] = []): Promise<object[]> => db.em().execute(sql, params);
  const count = async (table: string): Promise<number> =>
    (await execute(`select 1 as one from ${table}`)).length;
  await execute(`create table ${run}_effects (place serial, name text)`);
  return {
    db,
    mq,
    driver,
    outbox,
    logger,
    topic: run,
    another,
    publish: (...all) =>
      db.transaction(() => outbox.publishAll(all.map((value) => ({ topic: run, key: 'one', value })))),
    publishKeyed: (key, value) => db.transaction(() => outbox.publish(run, { key, value })),
    seen: async () => {
      const messages: IncomingMessage<unknown>[] = [];
      const group = `seen-${randomBytes(4).toString('hex')}`;
      await mq.subscribe(run, async (message) => void messages.push(message), { group, fromBeginning: true });
      return messages;
    },
    effect: async (name) => void (await execute(`insert into ${run}_effects (name) values (?)`, [name])),
    effects: async () => {
      const found = await execute(`select name from ${run}_effects order by place`);
      return found.map((row) => String(Reflect.get(row, 'name')));
    },
    rows: () => count(run),
    inboxRows: () => count(`${run}_inbox`),
  };
}
