import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  defineEntity,
  p,
  type EntityManager,
  type EntityRepository,
  type InferEntity,
} from '@mikro-orm/core';
import { Controller, Get, Module, Param, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DbModule, DbProvider, InjectRepository } from '@infra-kit/db';
import { InfraContext } from '@infra-kit/kernel';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

const Item = defineEntity({
  name: 'Item',
  properties: { id: p.integer().primary(), name: p.string() },
});
type Item = InferEntity<typeof Item>;

@Controller('items')
class Items {
  static arrived = 0;
  static both = Promise.withResolvers<void>();
  static seen: object[] = [];
  readonly #kept: EntityManager;
  constructor(
    readonly db: DbProvider,
    @InjectRepository(Item) readonly items: EntityRepository<Item>,
  ) {
    this.#kept = db.em().fork(); // what nobody should do: the control
  }

  @Get('ambient/:id')
  async ambient(@Param('id') id: string): Promise<boolean> {
    const first = await this.db.em().findOneOrFail(Item, { id: Number(id) });
    await meet();
    const again = await this.items.findOneOrFail({ id: Number(id) });
    Items.seen.push(first);
    return first === again;
  }

  @Get('kept/:id')
  async kept(@Param('id') id: string): Promise<void> {
    const first = await this.#kept.findOneOrFail(Item, { id: Number(id) });
    await meet();
    Items.seen.push(first);
  }
}

/** Two requests are here at once. */
async function meet(): Promise<void> {
  if (++Items.arrived === 2) Items.both.resolve();
  await Items.both.promise;
}

let database: OwnDatabase;
let app: INestApplication | undefined;
beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(() => database.drop());

/** An application with one item, whose requests have contexts, as the umbrella gives them. */
async function start(): Promise<INestApplication> {
  @Module({
    imports: [
      DbModule.forRoot({ url: database.url, entities: [Item], autoMigrate: true }),
      DbModule.forFeature([Item]),
    ],
    controllers: [Items],
  })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false });
  app.use((_request: unknown, _response: unknown, next: () => void) => InfraContext.run({}, next));
  await app.init();
  await app.get(DbProvider).sql`insert into item values (1, 'chair') on conflict do nothing`;
  return app;
}

describe('the entity manager', () => {
  const twice = async (path: string): Promise<unknown[]> => {
    Items.arrived = 0;
    Items.both = Promise.withResolvers();
    Items.seen = [];
    const server = app?.getHttpServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const get = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/items/${path}`)).text();
    return Promise.all([get(), get()]);
  };

  it('is never shared by two requests whose awaits interleave, and one within a request', async () => {
    await start();
    expect(await twice('ambient/1')).toEqual(['true', 'true']);
    expect(Items.seen[0]).not.toBe(Items.seen[1]);
  });

  it('that is kept in a service is shared by them (control)', async () => {
    await start();
    await twice('kept/1');
    expect(Items.seen[0]).toBe(Items.seen[1]);
  });

  it('is one for each run of a job or message, and a fresh one each time outside of any', async () => {
    const db = (await start()).get(DbProvider);
    const job = (): Promise<EntityManager> =>
      InfraContext.run({}, async () => {
        const em = db.em();
        await db.ping();
        expect(db.em()).toBe(em);
        return em;
      });
    const [one, two] = await Promise.all([job(), job()]);
    expect(one).not.toBe(two);
    expect(db.em()).not.toBe(db.em());
  });
});
