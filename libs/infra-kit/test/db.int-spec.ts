import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Logger as NestLog, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCoord, MemoryCoordDriver, MemoryCoordStore } from '@infra-kit/coord';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import {
  Clock,
  createDb,
  createInfraApp,
  DbProvider,
  getDbToken,
  InfraKitModule,
  ReloadRegistry,
  ResourceStack,
  type InfraKitOptions,
} from '../src/index.js';
import { ADAPTERS } from './probe-app.js';
import { Crossing, Item, ItemsModule } from './shop-db.js';

let dataDir = '';
let owner: DbProvider;
beforeAll(async () => {
  NestLog.overrideLogger(false);
  dataDir = await mkdtemp(join(tmpdir(), 'umbrella-db-'));
  // one server for all: every application below adopts it
  owner = await createDb({ driver: 'embedded', dataDir, entities: [Item] }, { env: 'test' });
}, 60_000);
afterAll(async () => {
  await owner.close();
  await rm(dataDir, { recursive: true, force: true });
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

const embedded = (): { driver: 'embedded'; dataDir: string; entities: (typeof Item)[] } => ({
  driver: 'embedded',
  dataDir,
  entities: [Item],
});

async function context(options: InfraKitOptions): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(
    InfraKitModule.forRoot({ env: 'test', ...options }),
    {
      logger: false,
      abortOnError: false,
    },
  );
  open.push(app);
  return app;
}

describe.each(ADAPTERS)('a service with a database, on %s', (adapter) => {
  const start = async (options: InfraKitOptions = {}): Promise<{ url: string; crossing: Crossing }> => {
    @Module({
      imports: [InfraKitModule.forRoot({ env: 'test', db: embedded(), ...options }), ItemsModule],
    })
    class ShopModule {}
    const app = await createInfraApp(ShopModule, { adapter, port: 0, host: '127.0.0.1' });
    open.push(app);
    const { port } = app.getHttpServer().address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, crossing: app.get(Crossing, { strict: false }) };
  };
  const stockOf = async (id: string): Promise<unknown> =>
    (await owner.sql<{ stock: number }>`select stock from shop_item where id = ${id}`)[0]?.stock;

  it('gives each request an identity map of its own, whatever awaits lie between', async () => {
    const { url, crossing } = await start();
    const id = `crossing-${adapter}`;
    await owner.em().insert(Item, { id, stock: 1 });
    const answers = await Promise.all(
      ['a', 'b'].map(async (request) => (await fetch(`${url}/items/crossing/${id}/${request}`)).json()),
    );
    // each sees its own change and not the other's
    expect(answers).toEqual([
      { same: true, stock: 1001 },
      { same: true, stock: 1001 },
    ]);
    expect(crossing.seen.get('a')).not.toBe(crossing.seen.get('b'));
    expect(await stockOf(id)).toBe(1);
  });

  it('runs @Transactional handlers whole or not at all, repositories included', async () => {
    const { url } = await start();
    const id = `take-${adapter}`;
    const post = (path: string): Promise<Response> => fetch(`${url}/items/${path}`, { method: 'POST' });
    expect((await post(id)).status).toBe(201);
    expect(await (await post(`${id}/take`)).json()).toEqual({ stock: 0 });
    expect((await post(`${id}/take`)).status).toBe(500);
    expect(await stockOf(id)).toBe(0);
  });

  it('answers what the database refuses as problem+json: 409 for a twin', async () => {
    const { url } = await start();
    const twin = (): Promise<Response> => fetch(`${url}/items/twin-${adapter}`, { method: 'POST' });
    expect((await twin()).status).toBe(201);
    const refused = await twin();
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  it('is ready while the database answers, and shows it on the health page', async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({
      details: { db: { status: 'up', driver: 'embedded' } },
    });
  });
});

describe('db in the umbrella', () => {
  it('has named instances, each a database of its own', async () => {
    const app = await context({ db: [embedded(), { name: 'reports', ...embedded(), entities: [] }] });
    const [db, reports] = [app.get(DbProvider), app.get<DbProvider>(getDbToken('reports'))];
    expect([db.name, reports.name]).toEqual(['default', 'reports']);
    expect(reports.orm).not.toBe(db.orm);
    expect(await reports.sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  it('with true has sql alone', async () => {
    const app = await context({ db: true });
    expect(await app.get(DbProvider).sql`select 1 as one`).toEqual([{ one: 1 }]);
  }, 60_000);

  it('runs by forTest on an embedded server of its own, while the clock of the test stands still', async () => {
    const app = await NestFactory.createApplicationContext(
      InfraKitModule.forTest({ db: { url: 'postgresql://nobody@127.0.0.1:1/x', entities: [Item] } }),
      { logger: false, abortOnError: false },
    );
    open.push(app);
    const db = app.get(DbProvider);
    expect(app.get(Clock)).toBeInstanceOf(FakeClock);
    await db.transaction(async (em) => void em.create(Item, { id: 'test', stock: 1 }));
    expect(await db.em().count(Item)).toBe(1);
    expect((await db.health()).detail).toMatchObject({ driver: 'embedded' });
  }, 60_000);

  it('takes entities beside the factory of forRootAsync', async () => {
    const module = InfraKitModule.forRootAsync({
      components: ['db'],
      entities: [Item],
      useFactory: () => ({ env: 'test', db: { driver: 'embedded' as const, dataDir } }),
    });
    const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    open.push(app);
    expect(app.get(DbProvider).orm.getMetadata().find(Item)?.tableName).toBe('shop_item');
    expect(() =>
      InfraKitModule.forRootAsync({ components: ['uid'], entities: [], useFactory: () => ({ uid: true }) }),
    ).toThrow(/add 'db' to components/);
  });

  it.each<[object, RegExp]>([
    [{ db: { pool: { max: 0 } } }, /db\.pool\.max/],
    [{ db: [{}, { name: 'reports', slowQueryMs: 'soon' }] }, /db:reports\.slowQueryMs/],
    [{ env: 'production', db: { entities: [Item] } }, /DATABASE_URL/],
  ])('refuses to start with %j, and names the field', async (options, problem) => {
    const former = process.env['DATABASE_URL'];
    delete process.env['DATABASE_URL'];
    try {
      await expect(context(options)).rejects.toThrow(problem);
    } finally {
      if (former !== undefined) process.env['DATABASE_URL'] = former;
    }
  });

  it('closes after everything that uses it: hooks of the application and every earlier phase still have it', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Farewell {
      constructor(
        private readonly db: DbProvider,
        stack: ResourceStack,
      ) {
        for (const phase of ['drain', 'flush', 'leases'] as const)
          stack.push({ name: phase, phase, close: () => this.look(phase) });
      }
      async look(when: string): Promise<void> {
        seen.push([when, await this.db.sql`select 1 as one`]);
      }
      onApplicationShutdown(): Promise<void> {
        return this.look('hook');
      }
    }
    @Module({ imports: [InfraKitModule.forRoot({ env: 'test', db: embedded() })], providers: [Farewell] })
    class FarewellModule {}
    const app = await NestFactory.createApplicationContext(FarewellModule, { logger: false });
    const db = app.get(DbProvider);
    await app.close();
    expect(seen).toEqual(['drain', 'hook', 'flush', 'leases'].map((when) => [when, [{ one: 1 }]]));
    await expect(db.sql`select 1`).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('follows its document in the configuration centre: slow queries are logged by the new threshold', async () => {
    const store = new MemoryCoordStore();
    const warned: unknown[] = [];
    const app = await context({
      service: 'orders',
      coord: { driver: new MemoryCoordDriver({ store }) },
      db: { ...embedded(), slowQueryMs: 60_000 },
    });
    const remember = (...args: unknown[]): void => void warned.push(args);
    NestLog.overrideLogger({ log() {}, error() {}, warn: remember });
    try {
      const db = app.get(DbProvider);
      await db.sql`select pg_sleep(0.01)`;
      expect(warned).toEqual([]);
      await using pusher = await createCoord({ driver: new MemoryCoordDriver({ store }) }, { env: 'test' });
      await pusher.config.set('/config/test/orders/db', { slowQueryMs: 1, pool: { max: 3 } });
      await eventually(() =>
        expect(app.get(ReloadRegistry).status()).toContainEqual(
          expect.objectContaining({ component: 'db', restartRequired: ['pool'] }),
        ),
      );
      await db.sql`select pg_sleep(0.01)`;
      expect(JSON.stringify(warned)).toContain('pg_sleep');
    } finally {
      NestLog.overrideLogger(false);
    }
  });
});
