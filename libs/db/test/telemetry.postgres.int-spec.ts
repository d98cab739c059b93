import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import {
  createDb,
  DB_CONNECTIONS,
  DB_CONNECTIONS_MAX,
  DB_OPERATION_DURATION,
  DB_PENDING,
  DB_RETRIES,
  DB_TRANSACTIONS,
  type DbOptions,
  type DbProvider,
} from '@infra-kit/db';
import { InfraContext, ReloadRegistry } from '@infra-kit/kernel';
import { FakeClock, recordMetrics, RecordingLogger } from '@infra-kit/kernel/testing';
import { createDatabase, until, type OwnDatabase } from '@infra-kit/testkit';

const Secret = defineEntity({
  name: 'Secret',
  properties: { id: p.integer().primary(), value: p.string() },
});
const traceId = '0af7651916cd43dd8448eb211c80319c';

let database: OwnDatabase;
const logger = new RecordingLogger();
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  logger.lines.length = 0;
});
const open = (options: DbOptions = {}, deps: object = {}): Promise<DbProvider> =>
  createDb({ url: database.url, entities: [Secret], ...options }, { env: 'test', logger, ...deps });

describe('the metrics of a database', () => {
  it('show its pool as it is when somebody collects, and no more after close', async () => {
    using metrics = recordMetrics();
    const db = await open({ pool: { max: 2 } }, { name: 'orders' });
    const pool = { 'db.client.connection.pool.name': 'orders' };
    const of = (state: string): object => ({ ...pool, 'db.client.connection.state': state });
    const seen = (): number[] => [
      metrics.sum(DB_CONNECTIONS, { ...of('used') }),
      metrics.sum(DB_CONNECTIONS, { ...of('idle') }),
      metrics.sum(DB_PENDING, pool),
      metrics.sum(DB_CONNECTIONS_MAX, pool),
    ];
    await db.ping();
    const before = seen();
    expect([before[0], before[2], before[3]]).toEqual([0, 0, 2]);
    const held = Promise.withResolvers<void>();
    let begun = 0;
    const hold = (): Promise<void> => {
      begun++;
      return held.promise;
    };
    const holders = [1, 2].map(() => db.transaction(hold));
    await until('both run', () => begun === 2);
    const waiting = db.ping();
    await until('one waits', () => metrics.sum(DB_PENDING, pool) === 1);
    expect(seen()).toEqual([2, 0, 1, 2]);
    const { detail } = await db.health({ timeoutMs: 50 });
    expect(detail).toMatchObject({
      pool: { connections: 2, idle: 0 },
      oldestTransactionMs: expect.any(Number),
    });
    held.resolve();
    await Promise.all([...holders, waiting]);
    expect(seen()).toEqual([0, 2, 0, 2]);
    expect((await db.health()).detail['oldestTransactionMs']).toBeUndefined();
    await db.close();
    expect(metrics.collect()).toEqual([]);
  });

  it('find a MeterProvider that is installed later', async () => {
    await using db = await open();
    using metrics = recordMetrics();
    await db.ping();
    expect(metrics.sum(DB_CONNECTIONS_MAX)).toBe(10);
  });

  it('time statements by what they do, and count how transactions ended', async () => {
    await using db = await open();
    using metrics = recordMetrics();
    await db.transaction(async (em) => void em.create(Secret, { id: 1, value: 'a' }));
    await expect(db.sql`select no_such_column`).rejects.toMatchObject({
      code: 'INTERNAL',
      sqlState: '42703',
    });
    await expect(db.transaction(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const timed = metrics.all.filter(({ name }) => name === DB_OPERATION_DURATION);
    const labels = { 'db.system.name': 'postgresql', 'infra.instance': 'default' };
    expect(timed.map(({ attributes }) => attributes)).toEqual(
      expect.arrayContaining([
        { ...labels, 'db.operation.name': 'INSERT' },
        { ...labels, 'db.operation.name': 'SELECT', 'error.type': '42703' },
      ]),
    );
    for (const { value } of timed) expect(value).toBeLessThan(10);
    expect(metrics.sum(DB_TRANSACTIONS, { outcome: 'committed' })).toBe(1);
    expect(metrics.sum(DB_TRANSACTIONS, { outcome: 'rolled_back' })).toBe(1);
  });

  it('count retries', async () => {
    await using db = await open();
    await db.sql`insert into secret values (2, '0')`;
    using metrics = recordMetrics();
    const both = Promise.withResolvers<void>();
    let readers = 0;
    const add = (): Promise<void> =>
      db.transaction(
        async (em) => {
          const row = await em.findOneOrFail(Secret, { id: 2 });
          if (++readers === 2) both.resolve();
          await both.promise;
          row.value = String(Number(row.value) + 1);
        },
        { isolation: 'serializable' },
      );
    await Promise.all([add(), add()]);
    expect(await db.sql`select value from secret where id = 2`).toEqual([{ value: '2' }]);
    expect(metrics.sum(DB_RETRIES)).toBe(1);
  });
});

describe('the log of a database', () => {
  it('tells slow queries with duration, trace id and SQL, and never a parameter', async () => {
    await using db = await open({ slowQueryMs: 0 });
    logger.lines.length = 0;
    await InfraContext.run({ traceId }, async () => {
      await db.sql`select ${'hunter2'}::text as value`;
      await db.transaction(async (em) => void em.create(Secret, { id: 3, value: 'hunter2' }));
      await db.em().find(Secret, { value: 'hunter2' });
    });
    const slow = logger.said('slow query');
    expect(slow.map(({ fields }) => fields)).toEqual(
      expect.arrayContaining([
        { sql: 'select $1::text as value', durationMs: expect.any(Number), traceId },
        { sql: expect.stringContaining('insert into "secret"'), durationMs: expect.any(Number), traceId },
        { sql: expect.stringContaining('where "s0"."value" = ?'), durationMs: expect.any(Number), traceId },
      ]),
    );
    expect(JSON.stringify(logger.lines)).not.toContain('hunter2');
  });

  it('shows parameters where they are asked for', async () => {
    await using db = await open({ slowQueryMs: 0, logParameters: true });
    await db.sql`select ${'hunter2'}::text as value`;
    expect(JSON.stringify(logger.said('slow query'))).toContain('hunter2');
  });

  it('takes slowQueryMs and logLevel while running, and says of the rest that it waits for a restart', async () => {
    const reload = new ReloadRegistry({ logger: new RecordingLogger(), clock: new FakeClock() });
    await using db = await open({ slowQueryMs: 60_000 }, { reload });
    let revision = 0n;
    const offer = (value: unknown): ReturnType<ReloadRegistry['offer']> =>
      reload.offer('db', 'default', { revision: ++revision, value });
    const told = async (): Promise<string[]> => {
      logger.lines.length = 0;
      await db.sql`select 1`;
      return logger.lines.map(({ level, message }) => `${level}: ${message}`);
    };
    expect(await told()).toEqual([]);
    expect(await offer({ slowQueryMs: 0 })).toMatchObject({ status: 'applied', restartRequired: [] });
    expect(await told()).toEqual(['warn: slow query']);
    expect(await offer({ slowQueryMs: '1h', logLevel: 'info' })).toMatchObject({ status: 'applied' });
    expect(await told()).toEqual(['info: query']);
    const restart = await offer({ pool: { max: 3 }, slowQueryMs: '1h', url: 'postgresql://elsewhere/d' });
    expect(new Set(restart.restartRequired)).toEqual(new Set(['pool', 'url']));
    expect(await told()).toEqual([]);
    const bad = await offer({ slowQueryMs: -1, logLevel: 'loud', url: 'mysql://u:hunter2@h/d' });
    expect(bad.status).toBe('refused');
    for (const field of ['slowQueryMs', 'logLevel', 'url']) expect(bad.errors.join()).toContain(field);
    expect(JSON.stringify(bad.errors)).not.toContain('hunter2');
    expect(await told()).toEqual([]);
  });

  it('tells of an effect after the commit that failed', async () => {
    await using db = await open();
    const failure = new Error('effect');
    await db.transaction(async () => db.afterCommit(() => Promise.reject(failure)));
    expect(logger.said('an effect after the commit failed')).toMatchObject([
      { level: 'error', fields: { err: failure } },
    ]);
  });

  it('says nothing of queries that were cancelled, nor does the client library on stderr', async () => {
    const stderr = jest.spyOn(console, 'error').mockReturnValue(undefined);
    try {
      await using db = await open({ pool: { max: 2, acquireTimeoutMs: 300 } });
      const late = [1, 2].map(() =>
        db.transaction((em) => em.execute('select pg_sleep(60)'), { timeoutMs: 100 }),
      );
      const queued = db.transaction(async () => undefined, { timeoutMs: 50 });
      for (const each of [...late, queued])
        await expect(each).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await expect(
        InfraContext.run({ timeoutMs: 50 }, () => db.sql`select pg_sleep(60)`),
      ).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await expect(
        InfraContext.run({ timeoutMs: 50 }, () => db.em().execute('select pg_sleep(60)')),
      ).rejects.toThrow();
      await db.ping();
      const held = Promise.withResolvers<void>();
      const holders = [1, 2].map(() => db.transaction(() => held.promise));
      await until(
        'both run',
        async () => (await db.health({ timeoutMs: 1 })).detail['oldestTransactionMs'] !== undefined,
      );
      await expect(db.ping({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await expect(db.ping()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' }); // the one before it has timed out too
      held.resolve();
      await Promise.all(holders);
      expect(stderr.mock.calls).toEqual([]);
      expect(logger.lines.filter(({ message }) => message !== 'slow query')).toEqual([]);
    } finally {
      stderr.mockRestore();
    }
  });
});

describe('secrets', () => {
  it('are in no error, no log line and no health page', async () => {
    const url = new URL(database.url);
    url.password = 'hunter2';
    const seen: unknown[] = [];
    {
      await using db = await open({ url: url.href, replicas: [url.href], logLevel: 'info' });
      seen.push(await db.health(), await db.sql`selekt 1`.catch((error: unknown) => error));
    }
    url.port = '1';
    seen.push(await open({ url: url.href }).catch((error: unknown) => error));
    url.pathname = '/';
    seen.push(await open({ url: url.href }).catch((error: unknown) => error));
    const text = (value: unknown): string =>
      value instanceof Error
        ? `${value.stack} ${JSON.stringify(value)} ${text(value.cause)}`
        : JSON.stringify(value);
    for (const each of [...seen, ...logger.lines]) expect(text(each)).not.toContain('hunter2');
    expect(seen.slice(1)).toMatchObject([
      { code: 'INTERNAL' },
      { code: 'UNAVAILABLE' },
      { code: 'INVALID_ARGUMENT' },
    ]);
  });
});
