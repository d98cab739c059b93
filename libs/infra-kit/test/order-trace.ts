import { Controller, Inject, Injectable, Logger, Module, Param, Post } from '@nestjs/common';
import { expect } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { startFakeCollector, type FakeCollector, type ReceivedSpan } from '@infra-kit/metrics/testing';
import type { AddressInfo } from 'node:net';
import {
  CacheProvider,
  CoordProvider,
  createInfraApp,
  DbProvider,
  EsProvider,
  InfraKitModule,
  MetricsProvider,
  MqProvider,
  Subscribe,
  type IncomingMessage,
  type InfraKitOptions,
} from '../src/index.js';

const PATIENT = { withinMs: 30_000 };

@Controller('orders')
class OrdersController {
  constructor(
    private readonly cache: CacheProvider,
    private readonly coord: CoordProvider,
    private readonly es: EsProvider,
    private readonly mq: MqProvider,
  ) {}

  @Post(':id')
  async order(@Param('id') id: string): Promise<object> {
    await this.cache.set(`order:${id}`, { id });
    await this.coord.ping();
    await this.es.index('orders', { id }, { id });
    await this.mq.send('orders', { key: id, value: { id } });
    return { id };
  }
}

@Injectable()
class Bookkeeping {
  constructor(@Inject(DbProvider) private readonly db: DbProvider) {}

  @Subscribe('orders', { fromBeginning: true })
  async book({ value }: IncomingMessage<{ id: string }>): Promise<void> {
    await this.db.sql`insert into bookings values (${value.id})`;
  }
}

export interface OrderTrace {
  readonly traceId: string | null;
  readonly spans: readonly ReceivedSpan[];
  readonly collector: FakeCollector;
}

/** One order over HTTP through every component that talks to a server; what the collector got of it. */
export async function traceOneOrder(options: InfraKitOptions): Promise<OrderTrace> {
  Logger.overrideLogger(false);
  const collector = await startFakeCollector();
  try {
    const infra = InfraKitModule.forRoot({
      env: 'test',
      service: 'orders',
      metrics: {
        endpoint: collector.url,
        traces: { exporter: 'otlp' },
        metrics: { exporter: 'otlp' },
        process: false,
      },
      ...options,
    });
    @Module({ imports: [infra], controllers: [OrdersController], providers: [Bookkeeping] })
    class OrdersModule {}
    const app = await createInfraApp(OrdersModule, { host: '127.0.0.1' });
    try {
      const db = app.get(DbProvider);
      await db.sql`create table bookings (id text)`;
      await app.listen(0, '127.0.0.1');
      const { port } = app.getHttpServer().address() as AddressInfo;
      const answer = await fetch(`http://127.0.0.1:${port}/orders/4711`, { method: 'POST' });
      expect(answer.status).toBe(201);
      await eventually(async () => {
        await app.get(MetricsProvider).forceFlush();
        expect(collector.spans.map(({ name }) => name)).toContain('process orders');
      }, PATIENT);
      const traceId = answer.headers.get('x-trace-id');
      return { traceId, collector, spans: collector.spans.filter((span) => span.traceId === traceId) };
    } finally {
      await app.close();
    }
  } finally {
    await collector.close();
  }
}

/** The names from a span up to the root of its trace. */
export function pathOf(spans: readonly ReceivedSpan[], name: string): string[] {
  const path: string[] = [];
  for (let at = spans.find((span) => span.name === name); at !== undefined;) {
    path.push(at.name);
    const parent = at.parentSpanId;
    at = parent === undefined ? undefined : spans.find(({ spanId }) => spanId === parent);
    if (parent !== undefined && at === undefined) path.push(`unknown parent ${parent}`);
  }
  return path;
}
