import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EntityRepository, defineEntity, p, type EntityManager, type InferEntity } from '@mikro-orm/core';
import { Injectable, Module, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DbModule,
  DbProvider,
  getDbToken,
  getRepositoryToken,
  InjectDb,
  InjectRepository,
  Transactional,
} from '@infra-kit/db';
import { HealthRegistry, InfraContext, TEST_SETTING } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { Test } from '@nestjs/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

const Item = defineEntity({
  name: 'Item',
  properties: { id: p.integer().primary(), name: p.string() },
});
type Item = InferEntity<typeof Item>;

class BoxRepository extends EntityRepository<{ id: number }> {
  async ids(): Promise<number[]> {
    return (await this.findAll({ orderBy: { id: 'asc' } })).map(({ id }) => id);
  }
}
const Box = defineEntity({
  name: 'Box',
  properties: { id: p.integer().primary() },
  repository: () => BoxRepository,
});

@Injectable()
class Ledger {
  readonly managers: EntityManager[] = [];
  constructor(
    readonly db: DbProvider,
    @InjectRepository(Item) readonly items: EntityRepository<Item>,
    readonly boxes: BoxRepository,
  ) {}

  @Transactional()
  async add(id: number, error?: Error): Promise<void> {
    this.managers.push(this.db.em());
    this.items.create({ id, name: `item ${id}` });
    if (error !== undefined) throw error;
  }

  @Transactional()
  async addBoth(first: number, second: number, error?: Error): Promise<void> {
    await this.add(first);
    await this.add(second, error);
  }

  @Transactional({ propagation: 'nested' })
  async addNested(id: number, error: Error): Promise<void> {
    await this.add(id, error);
  }

  @Transactional({ propagation: 'requires-new' })
  async audit(id: number): Promise<void> {
    this.boxes.create({ id });
  }

  @Transactional()
  async addAndAudit(id: number, error: Error): Promise<void> {
    await this.audit(id);
    await this.addNested(id, error).catch(() => undefined);
    await this.add(id + 1);
    throw error;
  }

  @Transactional({ readOnly: true, isolation: 'repeatable-read' })
  async peek(id: number): Promise<string> {
    return (await this.items.findOneOrFail({ id })).name;
  }
}

let main: OwnDatabase;
let other: OwnDatabase;
let app: INestApplication | undefined;
beforeAll(async () => {
  [main, other] = [await createDatabase(), await createDatabase()];
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  await main.drop();
  await other.drop();
});

const entities = [Item, Box];
async function start(metadata: ModuleMetadata = {}): Promise<INestApplication> {
  @Module({
    ...metadata,
    imports: [
      DbModule.forRoot({ url: main.url, entities, autoMigrate: true }),
      DbModule.forFeature([Item, Box]),
      ...(metadata.imports ?? []),
    ],
    providers: [Ledger, ...(metadata.providers ?? [])],
  })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false });
  await app.init();
  await app.get(DbProvider).sql`truncate item, box`;
  return app;
}
const rows = (db: DbProvider): Promise<{ id: number }[]> => db.sql`select id from item order by id`;

describe('the module of the database', () => {
  it('provides databases by name, their repositories and health, and closes them after the last user hook', async () => {
    @Injectable()
    class Settings {
      readonly url = other.url;
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    @Injectable()
    class Reports {
      last: unknown;
      constructor(
        @InjectDb('reports') readonly db: DbProvider,
        @InjectRepository(Item, 'reports') readonly items: EntityRepository<Item>,
      ) {}
      async onApplicationShutdown(): Promise<void> {
        this.last = await this.db.sql`select 1 as one`;
      }
    }
    const running = await start({
      imports: [
        DbModule.forRootAsync({
          name: 'reports',
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: async ({ url }) => ({ url, entities: [Item], autoMigrate: true }),
        }),
        DbModule.forFeature([Item], 'reports'),
      ],
      providers: [Reports],
    });
    const reports = running.get(Reports);
    const db = running.get(DbProvider);
    expect([db.name, reports.db.name]).toEqual(['default', 'reports']);
    expect(running.get(getDbToken('reports'))).toBe(reports.db);
    expect(running.get(getRepositoryToken(Box))).toBeInstanceOf(BoxRepository);
    await InfraContext.run({}, async () => {
      reports.items.create({ id: 9, name: 'there' });
      await reports.db.em().flush();
      expect(await reports.db.sql`select id from item`).toEqual([{ id: 9 }]);
      expect(await rows(db)).toEqual([]);
    });
    expect(await running.get(HealthRegistry).check()).toMatchObject({
      status: 'up',
      detail: { db: { status: 'up', critical: true }, 'db.reports': { status: 'up' } },
    });
    await running.close();
    expect(reports.last).toEqual([{ one: 1 }]);
    await expect(db.ping()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(reports.db.ping()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('runs on the embedded server in a test application, whatever address the code passes', async () => {
    const testing = await Test.createTestingModule({
      imports: [DbModule.forRoot({ url: 'postgresql://nowhere.invalid/d', replicas: [main.url] })],
    })
      .overrideProvider(TEST_SETTING)
      .useValue({ clock: new FakeClock() })
      .compile();
    await testing.init();
    const health = await testing.get(DbProvider).health();
    expect(health).toMatchObject({ status: 'up', detail: { driver: 'embedded' } });
    await testing.close();
  });
});

describe('@Transactional', () => {
  const no = new Error('no');

  it('begins a transaction, commits it when the method resolves and rolls it back when it rejects', async () => {
    const ledger = (await start()).get(Ledger);
    await ledger.add(1);
    await expect(ledger.add(2, no)).rejects.toBe(no);
    expect(await rows(ledger.db)).toEqual([{ id: 1 }]);
    expect(await ledger.peek(1)).toBe('item 1');
  });

  it('joins the running one: both or neither, with one entity manager that repositories use too', async () => {
    const ledger = (await start()).get(Ledger);
    await ledger.addBoth(1, 2);
    expect(ledger.managers[0]).toBe(ledger.managers[1]);
    await expect(ledger.addBoth(3, 4, no)).rejects.toBe(no);
    await expect(ledger.db.transaction(() => ledger.addBoth(5, 6, no))).rejects.toBe(no);
    expect(await rows(ledger.db)).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('nests and begins anew as propagation says', async () => {
    const ledger = (await start()).get(Ledger);
    await expect(ledger.addAndAudit(1, no)).rejects.toBe(no);
    expect(await rows(ledger.db)).toEqual([]);
    expect(await InfraContext.run({}, () => ledger.boxes.ids())).toEqual([1]);
    await ledger.db.transaction(async () => {
      await ledger.addNested(3, no).catch(() => undefined);
      await ledger.add(4);
    });
    expect(await rows(ledger.db)).toEqual([{ id: 4 }]);
  });

  it('refuses bad options where it stands, and a start without its module', async () => {
    expect(() => Transactional({ isolation: 'chaos' as never })).toThrow(/isolation must be read-committed/);
    expect(() => Transactional({ timeout: 5 } as never)).toThrow(/timeout is no option/);
    @Injectable()
    class Lonely {
      @Transactional()
      async work(): Promise<void> {}
    }
    @Module({ providers: [Lonely] })
    class LonelyModule {}
    await expect(
      NestFactory.createApplicationContext(LonelyModule, { logger: false, abortOnError: false }),
    ).rejects.toThrow(/DbModule\.forRoot/);
  });
});
