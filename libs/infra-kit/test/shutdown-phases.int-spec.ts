import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Logger as NestLog,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { GrpcMethod, type GrpcOptions } from '@nestjs/microservices';
import { PHASES } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { startFakeCollector } from '@infra-kit/metrics/testing';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CacheProvider,
  CoordProvider,
  createDb,
  createInfraApp,
  DbProvider,
  InfraKitModule,
  Logger,
  MetricsProvider,
  MqProvider,
  OutboxProvider,
  ReloadRegistry,
  ResourceStack,
  Subscribe,
} from '../src/index.js';
import { removeSockets, shopClient, shopOptions } from './grpc-shop.js';

const PATIENT = { withinMs: 20_000 };
const folder = mkdtempSync(join(tmpdir(), 'infra-kit-phases-'));
const dataDir = mkdtempSync(join(tmpdir(), 'infra-kit-phases-db-'));
const logFile = join(folder, 'log');
let owner: DbProvider;
beforeAll(async () => {
  NestLog.overrideLogger(false);
  owner = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
}, 60_000);
afterAll(async () => {
  await owner.close();
  removeSockets();
  for (const made of [folder, dataDir]) rmSync(made, { recursive: true, force: true });
});

/** What happened, in order. */
const events: string[] = [];
const begun: string[] = [];
const gate = Promise.withResolvers<void>();

@Injectable()
class Work implements OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(DbProvider) private readonly db: DbProvider,
    @Inject(OutboxProvider) private readonly outbox: OutboxProvider,
    @Inject(CacheProvider) private readonly cache: CacheProvider,
    @Inject(MetricsProvider) private readonly metrics: MetricsProvider,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Begins, waits until it may go on, and has an effect: a row, a message, a line and a span. */
  async do(name: string): Promise<{ text: string }> {
    begun.push(name);
    await gate.promise;
    await this.metrics.span(`work ${name}`, () =>
      this.db.transaction(() => this.outbox.publish('done', { key: name, value: name })),
    );
    this.logger.info('worked', { work: name });
    events.push(`${name} answered`);
    return { text: name };
  }

  async onModuleDestroy(): Promise<void> {
    events.push('onModuleDestroy');
  }

  /** The last hook of the application still has every provider. */
  async onApplicationShutdown(): Promise<void> {
    await this.cache.set('last', 1);
    await this.db.sql`select 1`;
    events.push('onApplicationShutdown');
  }
}

@Controller()
class Edges {
  constructor(@Inject(Work) private readonly work: Work) {}

  @Get('slow')
  overHttp(): Promise<object> {
    return this.work.do('http');
  }

  @GrpcMethod('Shop', 'Slow')
  overGrpc(): Promise<object> {
    return this.work.do('grpc');
  }

  @Subscribe('work', { group: 'workers', fromBeginning: true })
  async overKafka(): Promise<void> {
    await this.work.do('message');
  }
}

it('with every component loaded health tells of each, and the phases of the shutdown come in order and lose nothing', async () => {
  await using collector = await startFakeCollector();
  @Module({
    imports: [
      InfraKitModule.forRoot({
        env: 'test',
        service: 'phases',
        clog: { output: logFile },
        uid: true,
        coord: true,
        cache: true,
        db: { driver: 'embedded', dataDir, autoMigrate: true },
        mq: true,
        ratelimit: { rules: { any: { rate: 1, capacity: 1 } } },
        once: true,
        breaker: true,
        outbox: true,
        es: true,
        metrics: { traces: { exporter: 'otlp', endpoint: `${collector.url}/v1/traces` } },
        shutdown: { readinessDelayMs: 1000 },
      }),
    ],
    controllers: [Edges],
    providers: [Work],
  })
  class AppModule {}
  const app = await createInfraApp(AppModule);
  const grpcOptions = shopOptions(true);
  app.connectMicroservice<GrpcOptions>(grpcOptions, { inheritAppConfig: true });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  const client = shopClient(grpcOptions);
  const { registry } = app.get(CoordProvider);
  await eventually(async () => expect(await registry.discover('phases')).toHaveLength(1), PATIENT);
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  await app.get(ReloadRegistry).offer('cache', 'default', { revision: 1n, value: { defaultTtlMs: -1 } });
  const health: unknown = await (await fetch(`${url}/health`)).json();
  expect(health).toMatchObject({
    details: {
      mq: { status: 'up', consumers: [{ group: 'workers', topics: ['work'], state: expect.any(String) }] },
      outbox: { status: 'up', relay: 'leading', pending: 0, parked: 0 },
      db: { status: 'up' },
    },
    reload: {
      refused: 1,
      components: expect.arrayContaining([
        expect.objectContaining({
          component: 'cache',
          rejected: { revision: '1', errors: [expect.any(String)] },
        }),
      ]),
    },
  });

  const stack = app.get(ResourceStack);
  for (const phase of PHASES)
    stack.push({ name: `mark of ${phase}`, phase, close: () => void events.push(phase) });
  const answers = [fetch(`${url}/slow`).then((response) => response.json()), client.call('slow', 'x')];
  await app.get(MqProvider).send('work', { value: 1 });
  await eventually(() => expect(begun.toSorted()).toEqual(['grpc', 'http', 'message']), PATIENT);

  const closed = app.close();
  await eventually(() => expect(events).toEqual(['readiness', 'deregister']), PATIENT);
  expect((await fetch(`${url}/health/ready`)).status).toBe(503);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  await eventually(async () => expect(await registry.discover('phases')).toEqual([]), PATIENT);
  await eventually(() => expect(events).toEqual(['readiness', 'deregister', 'intake', 'drain']), PATIENT);
  await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  expect((await client.refused('late')).code).toBe(14);
  gate.resolve();

  expect(await Promise.all(answers)).toMatchObject([{ text: 'http' }, { text: 'grpc' }]);
  await closed;
  expect(events.slice(4, 7).toSorted()).toEqual(['grpc answered', 'http answered', 'message answered']);
  expect(events.slice(7)).toEqual([
    'onModuleDestroy',
    'onApplicationShutdown',
    'flush',
    'leases',
    'connections',
  ]);
  client.close();

  const report = await stack.close();
  expect(report.resources.filter(({ outcome }) => outcome !== 'closed')).toEqual([]);
  const order = report.resources.map(({ phase }) => PHASES.indexOf(phase));
  expect(order).toEqual(order.toSorted((a, b) => a - b));

  // nothing of it is lost: messages, lines and spans
  const unsent = await owner.sql`select 1 as one from infra_outbox where sent_at is null`;
  expect(unsent).toHaveLength(0);
  const lines = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"worked"'));
  expect(lines).toHaveLength(3);
  const spans = collector.spans.map(({ name }) => name);
  expect(spans).toEqual(expect.arrayContaining(['work http', 'work grpc', 'work message', 'shop.Shop/Slow']));
}, 90_000);
