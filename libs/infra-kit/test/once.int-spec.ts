import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Inject, Injectable, Logger as NestLog, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDb,
  createInfraApp,
  DbProvider,
  getCacheToken,
  getOnceToken,
  Idempotent,
  InfraKitModule,
  MqProvider,
  OnceProvider,
  RateLimit,
  Subscribe,
  type CacheProvider,
  type IncomingMessage,
  type InfraKitOptions,
} from '../src/index.js';
import { eventually } from '@infra-kit/kernel/testing';
import { ADAPTERS } from './probe-app.js';

let dataDir = '';
let owner: DbProvider;
beforeAll(async () => {
  NestLog.overrideLogger(false);
  dataDir = await mkdtemp(join(tmpdir(), 'umbrella-once-'));
  // one server for all: every application below adopts it
  owner = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
  await owner.sql`create table effects (name text)`;
}, 60_000);
afterAll(async () => {
  await owner.close();
  await rm(dataDir, { recursive: true, force: true });
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

@Controller('effects')
class EffectsController {
  runs = 0;

  constructor(@Inject(DbProvider) private readonly db: DbProvider) {}

  @Post('limited')
  @RateLimit('narrow')
  @Idempotent()
  limited(): object {
    return { run: ++this.runs };
  }

  /** The row, the key and the answer are of one transaction. */
  @Post('stored')
  @Idempotent({ store: 'db' })
  async stored(@Body() { name, fail }: { name: string; fail?: boolean }): Promise<object> {
    await this.db.sql`insert into effects values (${name})`;
    if (fail === true) throw new Error('after the effect');
    return { name };
  }
}

/** Fails after the effect the first time: the message comes again. */
@Injectable()
class Bookings {
  attempts = 0;

  constructor(@Inject(DbProvider) private readonly db: DbProvider) {}

  @Subscribe('bookings', { retry: { attempts: 3, backoffMs: 1 } })
  @Idempotent({ store: 'db', key: ({ value }: IncomingMessage<string>) => value })
  async book({ value }: IncomingMessage<string>): Promise<void> {
    await this.db.sql`insert into effects values (${value})`;
    if (++this.attempts === 1) throw new Error('after the effect');
  }
}

const count = async (name: string): Promise<number> =>
  (await owner.sql`select 1 as one from effects where name = ${name}`).length;

describe.each(ADAPTERS)('idempotency in the umbrella, on %s', (adapter) => {
  const start = async (): Promise<(path: string, key: string, body?: object) => Promise<Response>> => {
    @Module({
      imports: [
        InfraKitModule.forRoot({
          env: 'test',
          cache: true,
          db: { driver: 'embedded', dataDir },
          once: true,
          ratelimit: { rules: { narrow: { rate: 1, perMs: 3_600_000, capacity: 2 } } },
        }),
      ],
      controllers: [EffectsController],
    })
    class AppModule {}
    const app = await createInfraApp(AppModule, { adapter, port: 0, host: '127.0.0.1', pipe: false });
    open.push(app);
    const { port } = app.getHttpServer().address() as AddressInfo;
    return (path, key, body = {}) =>
      fetch(`http://127.0.0.1:${port}/effects/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
      });
  };

  it('takes no key for a request that the limiter refuses', async () => {
    const post = await start();
    expect(await (await post('limited', 'a')).json()).toEqual({ run: 1 });
    expect((await post('limited', 'a')).headers.get('idempotent-replayed')).toBe('true');
    expect((await post('limited', 'b')).status).toBe(429);
    const once = (open[0] as unknown as { get(token: unknown): OnceProvider }).get(OnceProvider);
    const address = { scope: 'POST /effects/limited' };
    expect((await once.get('a', address))?.status).toBe('done');
    expect(await once.get('b', address)).toBeUndefined();
  });

  it('keeps key, effect and answer in the one transaction of the handler', async () => {
    const post = await start();
    const name = `stored-${adapter}`;
    const answers = [];
    for (const _ of [1, 2]) answers.push(await (await post('stored', name, { name })).text());
    expect(answers).toEqual([`{"name":"${name}"}`, `{"name":"${name}"}`]);
    expect(await count(name)).toBe(1);
    expect((await post('stored', `${name}-fails`, { name, fail: true })).status).toBe(500);
    expect(await count(name)).toBe(1);
  });
});

it('handles a message once a key, however often it is sent or tried', async () => {
  const app = await NestFactory.createApplicationContext(
    {
      module: class {},
      imports: [
        InfraKitModule.forRoot({ env: 'test', mq: true, db: { driver: 'embedded', dataDir }, once: true }),
      ],
      providers: [Bookings],
    },
    { logger: false, abortOnError: false },
  );
  open.push(app);
  const [mq, bookings] = [app.get(MqProvider), app.get(Bookings, { strict: false })];
  for (const value of ['booked', 'booked', 'last']) await mq.send('bookings', { value });
  await eventually(async () => expect(await count('last')).toBe(1), { withinMs: 20_000 });
  expect([await count('booked'), bookings.attempts]).toEqual([1, 3]);
});

describe('the stores of once', () => {
  const context = async (options: InfraKitOptions): Promise<{ get(token: unknown): unknown }> => {
    const app = await NestFactory.createApplicationContext(
      InfraKitModule.forRoot({ env: 'test', ...options }),
      { logger: false, abortOnError: false },
    );
    open.push(app);
    return app as { get(token: unknown): unknown };
  };

  it('are those it names out of those that are loaded', async () => {
    const app = await context({
      cache: [{ name: 'keys' }],
      once: [{ cache: 'keys', keyPrefix: 'mine:' }, { name: 'alone' }],
    });
    await (app.get(OnceProvider) as OnceProvider).do('k', async () => 1);
    await (app.get(getOnceToken('alone')) as OnceProvider).do('k', async () => 1);
    const keys: string[] = [];
    for await (const key of (app.get(getCacheToken('keys')) as CacheProvider).scan('')) keys.push(key);
    expect(keys.filter((key) => key.startsWith('mine:'))).toHaveLength(2);
    expect(keys).toHaveLength(2);
  });

  it('that are named and not loaded, or missing in production, fail the start with the line to add', async () => {
    await expect(context({ once: { cache: 'keys' } })).rejects.toThrow(/cache: \[\{ name: 'keys' \}\]/);
    await expect(context({ once: { db: 'main' } })).rejects.toThrow(/db: \[\{ name: 'main' \}\]/);
    await expect(context({ env: 'production', once: true })).rejects.toThrow(/needs a cache or a database/);
    await expect(context({ once: { store: 'db' } })).rejects.toThrow(/needs a database/);
  });

  it('names once to whom misses it', async () => {
    @Controller()
    class Lonely {
      @Post()
      @Idempotent()
      work(): void {}
    }
    @Module({ imports: [InfraKitModule.forRoot({ env: 'test' })], controllers: [Lonely] })
    class AppModule {}
    await expect(createInfraApp(AppModule, { port: 0 })).rejects.toThrow(/InfraKitModule\.forRoot\(\{ once/);
  });
});
