import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@infra-kit/kernel/testing';
import {
  createDb,
  DbProvider,
  getDbToken,
  getMqToken,
  getOutboxToken,
  HealthRegistry,
  InboxHandler,
  InfraKitModule,
  MqProvider,
  OutboxProvider,
  type IncomingMessage,
  type InfraKitOptions,
} from '../src/index.js';

const PATIENT = { withinMs: 20_000 };

let dataDir = '';
let owner: DbProvider;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'umbrella-outbox-'));
  // one server for all: every application below adopts it
  owner = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
  await owner.sql`create table sales (product text)`;
}, 60_000);
afterAll(async () => {
  await owner.close();
  await rm(dataDir, { recursive: true, force: true });
});

const open: INestApplicationContext[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

async function context(
  options: InfraKitOptions,
  providers: Type[] = [],
): Promise<INestApplicationContext & { of<T>(token: unknown): T }> {
  const app = await NestFactory.createApplicationContext(
    {
      module: class {},
      imports: [InfraKitModule.forRoot({ env: 'test', db: { driver: 'embedded', dataDir }, ...options })],
      providers,
    },
    { logger: false, abortOnError: false },
  );
  open.push(app);
  return Object.assign(app, { of: <T>(token: unknown): T => app.get(token as symbol) });
}

@Injectable()
class Sales {
  runs = 0;

  constructor(@Inject(DbProvider) private readonly db: DbProvider) {}

  @InboxHandler('sold', { group: 'sales', fromBeginning: true, retry: { backoffMs: 1 } })
  async count({ value, attempt }: IncomingMessage<string>): Promise<void> {
    this.runs++;
    await this.db.sql`insert into sales values (${value})`;
    if (attempt === 1) throw new Error('after the effect');
  }
}

const sales = async (product: string): Promise<number> =>
  (await owner.sql`select 1 as one from sales where product = ${product}`).length;

describe('the outbox in the umbrella', () => {
  it('carries what commits to its inbox handlers, once, and tells health of it', async () => {
    const app = await context({ mq: true, outbox: true }, [Sales]);
    const [db, outbox] = [app.get(DbProvider), app.get(OutboxProvider)];
    const failing = db.transaction(async () => {
      await outbox.publish('sold', { value: 'rolled back' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await db.transaction(() => outbox.publish('sold', { value: 'shoes' }));
    await eventually(async () => expect(await sales('shoes')).toBe(1), PATIENT);
    expect([app.get(Sales).runs, await sales('rolled back')]).toEqual([2, 0]);
    const { detail } = await app.get(HealthRegistry).check();
    expect(detail['outbox']).toMatchObject({ status: 'up', detail: { relay: 'leading', parked: 0 } });
  });

  it('is what mq points to when it sends inside a transaction itself, once; publishing is not such a send', async () => {
    const app = await context({ mq: true, outbox: true });
    const warnings: string[] = [];
    const warn = (message: unknown): void => void warnings.push(String(message));
    const nothing = (): void => undefined;
    app.useLogger({ log: nothing, error: nothing, warn });
    const [db, mq, outbox] = [app.get(DbProvider), app.get(MqProvider), app.get(OutboxProvider)];
    const seen: unknown[] = [];
    await mq.subscribe('told', async ({ value }) => void seen.push(value), { group: 'listeners' });
    await mq.send('told', { value: 'outside' });
    await db.transaction(() => outbox.publish('told', { value: 'published' }));
    await eventually(() => expect(seen).toEqual(['outside', 'published']), PATIENT);
    expect(warnings).toEqual([]);
    await db.transaction(() => mq.send('told', { value: 'inside' }));
    await db.transaction(() => mq.send('told', { value: 'again' }));
    expect(warnings).toEqual([
      expect.stringMatching(/inside a database transaction.*OutboxProvider.publish/),
    ]);
  });

  it('works between the instances it names, by a lock of coord where it is told to', async () => {
    const app = await context({
      db: [{ name: 'main', driver: 'embedded', dataDir }],
      mq: [{ name: 'events' }],
      coord: true,
      outbox: [{ name: 'orders', db: 'main', mq: 'events', leader: 'coord', table: 'umbrella_orders' }],
    });
    const outbox = app.of<OutboxProvider>(getOutboxToken('orders'));
    const mq = app.of<MqProvider>(getMqToken('events'));
    const seen: unknown[] = [];
    await mq.subscribe('orders', async ({ value }) => void seen.push(value), {
      group: 'g',
      fromBeginning: true,
    });
    await app.of<DbProvider>(getDbToken('main')).transaction(() => outbox.publish('orders', { value: 7 }));
    await eventually(() => expect(seen).toEqual([7]), PATIENT);
    expect((await outbox.health()).detail).toMatchObject({ relay: 'leading' });
  });

  it('sends what is due before the mq closes', async () => {
    const app = await context({ mq: true, outbox: { relay: false, table: 'umbrella_last' } });
    const [db, outbox] = [app.get(DbProvider), app.get(OutboxProvider)];
    await db.transaction(() => outbox.publish('last', { value: 1 }));
    expect((await outbox.stats()).pending).toBe(1);
    await outbox.start();
    await app.close();
    open.length = 0;
    const [row] = await owner.sql<{ sent: boolean }>`select sent_at is not null as sent from umbrella_last`;
    expect(row).toEqual({ sent: true });
  });

  it('that misses a database, an mq, coord or a named one fails the start with the line to add', async () => {
    await expect(context({ outbox: true })).rejects.toThrow(/InfraKitModule\.forRoot\(\{ mq: …/);
    await expect(context({ mq: true, db: undefined, outbox: true })).rejects.toThrow(/forRoot\(\{ db: …/);
    await expect(context({ mq: true, outbox: { leader: 'coord' } })).rejects.toThrow(/forRoot\(\{ coord: …/);
    await expect(context({ mq: true, outbox: { mq: 'events' } })).rejects.toThrow(
      /mq: \[\{ name: 'events' \}\]/,
    );
  });
});
