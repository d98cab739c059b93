import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Inject, Logger as NestLog, Module, type INestApplication } from '@nestjs/common';
import { GrpcMethod, type GrpcOptions } from '@nestjs/microservices';
import type { EntityManager, EntityRepository, InferEntity } from '@mikro-orm/sql';
import { InfraContext } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import {
  createInfraApp,
  DbModule,
  DbProvider,
  InfraKitModule,
  InjectRepository,
  MqProvider,
  Subscribe,
} from '../src/index.js';
import { removeSockets, shopClient, shopOptions } from './grpc-shop.js';
import { Crossing, Item } from './shop-db.js';

/** What one of two that were inside at once has seen. */
interface Visit {
  readonly em: EntityManager;
  readonly item: object;
  readonly stock: number;
  /** Whether em() and the repository stayed with one entity manager over an await. */
  readonly own: boolean;
}

/** Handlers of three kinds, each of which changes a row that it never writes back. */
@Controller()
class Visits {
  seen: Visit[] = [];
  readonly #kept: EntityManager;

  constructor(
    @Inject(DbProvider) readonly db: DbProvider,
    @InjectRepository(Item) readonly items: EntityRepository<InferEntity<typeof Item>>,
    @Inject(Crossing) readonly crossing: Crossing,
  ) {
    this.#kept = db.em(); // what nobody should do: the control
  }

  @Subscribe('visits', { concurrency: 2, fromBeginning: true })
  async message(): Promise<void> {
    await this.visit();
  }

  @Subscribe('kept', { concurrency: 2, fromBeginning: true })
  async keptMessage(): Promise<void> {
    await this.visit(this.#kept);
  }

  @GrpcMethod('Shop', 'Do')
  async call({ text }: { text: string }): Promise<object> {
    await this.visit();
    return { text, traceId: InfraContext.traceId() ?? '', remainingMs: 0 };
  }

  async visit(em = this.db.em()): Promise<void> {
    const first = await em.findOneOrFail(Item, { id: 'visited' });
    first.stock += 1000; // never flushed: whoever shares the identity map sees it
    await this.crossing.meet(2);
    const again = await this.items.findOneOrFail({ id: 'visited' });
    const own = again === first && this.db.em() === em;
    this.seen.push({ em, item: first, stock: first.stock, own });
  }
}

let app: INestApplication;
let visits: Visits;
let rpc: GrpcOptions;
beforeAll(async () => {
  NestLog.overrideLogger(false);
  @Module({
    imports: [
      InfraKitModule.forRoot({ env: 'test', db: { driver: 'embedded', entities: [Item] }, mq: true }),
      DbModule.forFeature([Item]),
    ],
    controllers: [Visits],
    providers: [Crossing],
  })
  class VisitsModule {}
  app = await createInfraApp(VisitsModule);
  rpc = shopOptions();
  app.connectMicroservice<GrpcOptions>(rpc, { inheritAppConfig: true });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  visits = app.get(Visits);
  await app.get(DbProvider).sql`insert into shop_item (id, stock) values ('visited', 1)`;
}, 120_000);
afterAll(async () => {
  await app.close();
  removeSockets();
});
beforeEach(() => {
  visits.seen = [];
});
const clients: { close(): void }[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

async function send(topic: string): Promise<void> {
  const mq = app.get(MqProvider);
  for (const key of ['a', 'b', 'c', 'd']) await mq.send(topic, { key, value: key });
  await eventually(() => expect(visits.seen.length).toBe(4), { withinMs: 30_000 });
}

describe('the entity manager', () => {
  const twoAlone = ([one, two]: readonly Visit[]): void => {
    expect(one?.em).not.toBe(two?.em);
    expect(one?.item).not.toBe(two?.item);
    expect([one, two].map((visit) => [visit?.stock, visit?.own])).toEqual([
      [1001, true],
      [1001, true],
    ]);
  };

  it('is of one message alone, although two are handled at once', async () => {
    await send('visits');
    expect(new Set(visits.seen.map(({ em }) => em)).size).toBe(4);
    twoAlone(visits.seen);
    twoAlone(visits.seen.slice(2));
  });

  it('control: one that is kept in the service is shared by messages', async () => {
    await send('kept');
    expect(new Set(visits.seen.map(({ em }) => em)).size).toBe(1);
    expect(visits.seen.some(({ stock }) => stock > 1001)).toBe(true);
  });

  it('is of one gRPC call alone, although two are handled at once', async () => {
    const client = shopClient(rpc);
    clients.push(client);
    await Promise.all([client.call('do', 'one'), client.call('do', 'two')]);
    twoAlone(visits.seen);
  });

  it('is of one run of a job alone, although two run at once', async () => {
    const job = (): Promise<void> => InfraContext.run({ timeoutMs: 60_000 }, () => visits.visit());
    await Promise.all([job(), job()]);
    twoAlone(visits.seen);
  });
});
