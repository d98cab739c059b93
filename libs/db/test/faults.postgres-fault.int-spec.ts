import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { createDb, type DbOptions, type DbProvider } from '@infra-kit/db';
import { FaultProxy, launchPostgres, type RunningServer, until } from '@infra-kit/testkit';

const Transfer = defineEntity({
  name: 'Transfer',
  properties: { id: p.string().primary(), half: p.integer() },
});

const quick: DbOptions = { pool: { max: 4, acquireTimeoutMs: 2000 }, slowQueryMs: 60_000 };

describe('a PostgreSQL that is hurt', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await launchPostgres();
  });
  afterAll(() => server.stop());
  const open = (options: DbOptions = {}): Promise<DbProvider> =>
    createDb({ url: server.url, entities: [Transfer], ...quick, ...options }, { env: 'test' });

  /** Two rows that belong together, in two statements. */
  const transfer = (db: DbProvider, id: string): Promise<void> =>
    db.transaction(async (em) => {
      await em.insert(Transfer, { id: `${id}-a`, half: 1 });
      await em.insert(Transfer, { id: `${id}-b`, half: 2 });
    });

  it('killed and restarted under load: each transaction is whole or absent, and the pool recovers', async () => {
    const db = await open();
    const committed: string[] = [];
    const failed: unknown[] = [];
    let running = true;
    const worker = async (name: number): Promise<void> => {
      for (let n = 0; running; n++) {
        const id = `kill-${name}-${n}`;
        await transfer(db, id).then(
          () => committed.push(id),
          (error: unknown) => failed.push(error),
        );
      }
    };
    const workers = Array.from({ length: 4 }, (_, name) => worker(name));
    await until('some are committed', () => committed.length > 50);
    await server.kill();
    await until('calls fail while it is away', () => failed.length > 10);
    expect(await db.health()).toMatchObject({ status: 'down', detail: { error: expect.any(String) } });
    await server.restart();
    const soFar = committed.length;
    await until('the pool has recovered', () => committed.length > soFar + 50);
    running = false;
    await Promise.all(workers);
    expect(await db.health()).toMatchObject({ status: 'up' });

    const rows = await db.sql<{ id: string }>`select id from transfer where id like 'kill-%'`;
    const found = new Set(rows.map(({ id }) => id));
    expect(committed.filter((id) => !found.has(`${id}-a`) || !found.has(`${id}-b`))).toEqual([]);
    expect(
      [...found].filter((id) => !found.has(id.endsWith('a') ? id.replace(/a$/, 'b') : id.replace(/b$/, 'a'))),
    ).toEqual([]);
    for (const error of failed)
      expect(error).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|RESOURCE_EXHAUSTED/) });
    await db.close();
  });

  it('control: two statements without a transaction leave a half', async () => {
    const db = await open();
    await db.sql`insert into transfer values ('half-a', 1)`;
    await server.kill();
    await expect(db.sql`insert into transfer values ('half-b', 2)`).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await server.restart();
    expect(await db.sql`select id from transfer where id like 'half-%'`).toEqual([{ id: 'half-a' }]);
    await db.close();
  });

  it('killed between statement and commit: nothing is there, no effect has run, and the caller knows', async () => {
    const db = await open();
    let effects = 0;
    const cut = db.transaction(async (em) => {
      db.afterCommit(() => void effects++);
      await em.insert(Transfer, { id: 'between', half: 1 });
      await server.kill();
    });
    await expect(cut).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await server.restart();
    await until('it answers', () => db.ping().then(() => true));
    expect(await db.sql`select id from transfer where id = 'between'`).toEqual([]);
    expect(effects).toBe(0);
    await db.close();
  });

  it('control: a query that is only not waited for any more goes on in the server', async () => {
    const db = await open();
    const abort = new AbortController();
    const em = db.orm.em.fork({ disableContextResolution: true, signal: abort.signal });
    const left = em.execute('select pg_sleep(20) as left_behind');
    const running = (): Promise<object[]> =>
      db.sql`select pid from pg_stat_activity
        where query like '%left_behind%' and state = 'active' and pid <> pg_backend_pid()`;
    await until('it runs', async () => (await running()).length === 1);
    abort.abort();
    await expect(left).rejects.toThrow();
    const [pid] = await running();
    expect(pid).toBeDefined();
    await db.sql`select pg_terminate_backend(${Reflect.get(Object(pid), 'pid')})`;
    await db.close();
  });

  it('a connection that dies inside a transaction costs no slot, and close does not hang', async () => {
    const db = await open();
    for (let n = 0; n < 8; n++)
      await expect(
        db.transaction(async (em) => {
          const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid');
          await db.transaction((other) => other.execute('select pg_terminate_backend(?)', [row?.pid]), {
            propagation: 'requires-new',
          });
          await em.execute('select 1');
        }),
      ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(db.ping()).resolves.toBeUndefined();
    await db.close();
  });

  it('control: bare MikroORM loses a slot each time', async () => {
    const orm = await MikroORM.init({
      clientUrl: server.url,
      entities: [Transfer],
      pool: { max: 2 },
      driverOptions: { connectionTimeoutMillis: 500 },
      loggerFactory: () => ({
        log() {},
        warn() {},
        error() {},
        logQuery() {},
        setDebugMode() {},
        isEnabled: () => false,
      }),
    });
    const killer = await open();
    for (let n = 0; n < 2; n++)
      await orm.em
        .fork()
        .transactional(async (em) => {
          const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid');
          await killer.sql`select pg_terminate_backend(${row?.pid})`;
          await em.execute('select 1');
        })
        .catch(() => undefined);
    await expect(orm.em.fork().execute('select 1')).rejects.toThrow('timeout exceeded');
    await killer.close();
    // orm.close() would hang: its two slots never come back
  });

  it('cut off while COMMIT is on its way: UNAVAILABLE with an unknown outcome, not run again', async () => {
    const proxy = await FaultProxy.start(server);
    const db = await open({ url: proxy.through(server.url) });
    let attempts = 0;
    const cut = db.transaction(
      async (em) => {
        attempts++;
        await em.insert(Transfer, { id: `cut-${attempts}`, half: 1 });
        proxy.blackhole(); // what is sent from here on, COMMIT, gets no answer
        const sent = proxy.counts.bytesUp;
        void until('COMMIT was sent', () => proxy.counts.bytesUp > sent).then(() => proxy.reset());
      },
      { retries: 5 },
    );
    await expect(cut).rejects.toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown', retryable: false });
    expect(attempts).toBe(1);
    await proxy.restore();
    await expect(db.ping()).resolves.toBeUndefined();
    await db.close();
    await proxy.close();
  });

  it('lost before COMMIT was sent: UNAVAILABLE, and it has surely not happened', async () => {
    const db = await open();
    const lost = db.transaction(async (em) => {
      const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid');
      await em.insert(Transfer, { id: 'unsent', half: 1 });
      await db.transaction((other) => other.execute('select pg_terminate_backend(?)', [row?.pid]), {
        propagation: 'requires-new',
      });
      await until('its pool has seen the end', async () => {
        const { detail } = await db.health();
        return Reflect.get(Object(detail['pool']), 'connections') === 1;
      });
    });
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE', outcome: undefined, retryable: true });
    expect(await db.sql`select id from transfer where id = 'unsent'`).toEqual([]);
    await db.close();
  });

  it('silent: calls end at their limit, and health says down', async () => {
    const proxy = await FaultProxy.start(server);
    const db = await open({ url: proxy.through(server.url) });
    expect(await db.health()).toMatchObject({ status: 'up' });
    proxy.blackhole();
    await expect(db.ping({ timeoutMs: 200 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await db.health({ timeoutMs: 200 })).toMatchObject({ status: 'down' });
    proxy.reset();
    await proxy.restore();
    await until('it is up again', async () => (await db.health()).status === 'up');
    await db.close();
    await proxy.close();
  });

  it('away at start: a clear refusal without the password, or a start as soon as it is there', async () => {
    const proxy = await FaultProxy.start(server);
    await proxy.refuse();
    const url = proxy.through(server.url.replace('://postgres@', '://postgres:hunter2@'));
    const refused = await createDb({ url, ...quick }, { env: 'test' }).catch((error: Error) => error);
    expect(refused).toMatchObject({ code: 'UNAVAILABLE' });
    expect(refused instanceof Error && refused.message).not.toContain('hunter2');
    const starting = createDb(
      { url, ...quick, connectRetry: { attempts: 1000, delayMs: 20 } },
      { env: 'test' },
    );
    await proxy.restore();
    await (await starting).close();
    await proxy.close();
  });

  it('a full pool is RESOURCE_EXHAUSTED', async () => {
    const db = await open({ pool: { max: 1, acquireTimeoutMs: 100 }, autoMigrate: false });
    const held = Promise.withResolvers<void>();
    const holder = db.transaction(() => held.promise);
    await until(
      'it runs',
      async () => (await db.health({ timeoutMs: 500 })).detail['oldestTransactionMs'] !== undefined,
    );
    await expect(db.transaction(async () => undefined)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    held.resolve();
    await holder;
    await db.ping();
    await db.close();
  });
});
