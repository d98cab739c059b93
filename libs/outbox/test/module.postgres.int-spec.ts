import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createDb, DbModule, DbProvider } from '@infra-kit/db';
import { HealthRegistry, ReloadRegistry } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { MqModule, MqProvider, type IncomingMessage } from '@infra-kit/mq';
import { getOutboxToken, InboxHandler, OutboxModule, OutboxProvider } from '@infra-kit/outbox';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

const PATIENT = { withinMs: 20_000 };

let database: OwnDatabase;
let db: DbProvider;
beforeAll(async () => {
  database = await createDatabase();
  db = await createDb({ url: database.url }, { env: 'test' });
  await db.sql`create table orders (id text primary key)`;
  await db.sql`create table figures (id text, attempt int)`;
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const open: INestApplicationContext[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

@Injectable()
class Orders {
  constructor(
    @Inject(DbProvider) private readonly db: DbProvider,
    @Inject(OutboxProvider) private readonly outbox: OutboxProvider,
  ) {}

  async place(id: string): Promise<string> {
    return this.db.transaction(async () => {
      await this.db.sql`insert into orders values (${id})`;
      return this.outbox.publish('orders', { key: id, value: { id } });
    });
  }
}

/** Fails after its effect the first time. */
@Injectable()
class Figures {
  runs = 0;

  constructor(@Inject(DbProvider) private readonly db: DbProvider) {}

  @InboxHandler('orders', { group: 'figures', fromBeginning: true, retry: { backoffMs: 1 } })
  async count({ value, attempt }: IncomingMessage<{ id: string }>): Promise<void> {
    this.runs++;
    await this.db.sql`insert into figures values (${value.id}, ${attempt})`;
    if (attempt === 1) throw new Error('after the effect');
  }
}

async function start(imports: object[], providers: Type[] = []): Promise<INestApplicationContext> {
  @Module({
    imports: [
      DbModule.forRoot({ url: database.url }),
      MqModule.forRoot({ driver: 'memory' }),
      ...(imports as Type[]),
    ],
    providers: [...(imports.length > 0 ? [Orders] : []), ...providers],
  })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  open.push(app);
  return app;
}

const effects = (id: string) => db.sql<{ attempt: number }>`select attempt from figures where id = ${id}`;

describe('the module', () => {
  it('relays what a transaction published, and an inbox handler has its effect once', async () => {
    const app = await start([OutboxModule.forRoot()], [Figures]);
    const id = await app.get(Orders).place('first');
    await eventually(async () => expect(await effects('first')).toHaveLength(1), PATIENT);
    expect(await effects('first')).toEqual([{ attempt: 2 }]);
    const again = { key: 'first', value: { id: 'first' }, headers: { 'x-message-id': id } };
    await app.get(MqProvider).send('orders', again);
    await app.get(Orders).place('second');
    await eventually(async () => expect(await effects('second')).toHaveLength(1), PATIENT);
    expect([await effects('first'), app.get(Figures).runs]).toEqual([[{ attempt: 2 }], 4]);
    const { detail } = await app.get(HealthRegistry).check();
    expect(detail['outbox']).toMatchObject({ status: 'up', critical: false, detail: { relay: 'leading' } });
  });

  it('starts no relay where it is told not to, and sends what is due at the end of one that runs', async () => {
    const app = await start([OutboxModule.forRoot({ relay: false, table: 'last_orders' })]);
    const outbox = app.get(OutboxProvider);
    await app.get(Orders).place('not relayed');
    expect(await outbox.stats()).toMatchObject({ pending: 1, sent: 0 });
    expect((await outbox.health()).detail['relay']).toBe('stopped');
    await outbox.start();
    await app.close();
    expect(await db.sql`select 1 as one from last_orders where sent_at is null`).toEqual([]);
  });

  it('takes new settings while it runs, and leaves structural ones for a restart', async () => {
    const app = await start([OutboxModule.forRoot({ relay: false, table: 'hot_orders' })]);
    const offer = (value: object, revision: bigint): Promise<unknown> =>
      app.get(ReloadRegistry).offer('outbox', 'default', { revision, value });
    expect(await offer({ batchSize: 1, lanes: 4 }, 1n)).toMatchObject({
      status: 'applied',
      restartRequired: ['lanes'],
    });
    for (const id of ['hot 1', 'hot 2']) await app.get(Orders).place(id);
    expect(await app.get(OutboxProvider).relayOnce()).toBe(1);
    expect(await offer({ batchSize: -1 }, 2n)).toMatchObject({ status: 'refused' });
    expect(await app.get(OutboxProvider).relayOnce()).toBe(1);
  });

  it('makes named instances, and fails the start where a handler has none', async () => {
    const app = await start([
      OutboxModule.forRoot(),
      OutboxModule.forRoot({ name: 'audit', table: 'audit_events' }),
    ]);
    expect(app.get<OutboxProvider>(getOutboxToken('audit')).name).toBe('audit');
    await expect(start([], [Figures])).rejects.toThrow(
      /OutboxModule\.forRoot\(|InfraKitModule\.forRoot\(\{ outbox/,
    );
  });
});

describe('@InboxHandler', () => {
  it('knows a message of others by its place, and a batch it does not take', async () => {
    const app = await start([OutboxModule.forRoot()], [Figures]);
    await app.get(MqProvider).send('orders', { value: { id: 'foreign' } });
    await eventually(async () => expect(await effects('foreign')).toEqual([{ attempt: 2 }]), PATIENT);
    const notes = await db.sql<{
      id: string;
    }>`select message_id as id from infra_inbox where message_id like 'orders/%'`;
    expect(notes).toHaveLength(1);
    expect(() => InboxHandler('orders', { batch: true } as object)).toThrow(/one by one/);
  });
});
