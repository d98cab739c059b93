import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Logger,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { eventually } from '@infra-kit/kernel/testing';
import { startFakeCollector, type FakeCollector, type ReceivedSpan } from '@infra-kit/metrics/testing';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ClogLogger,
  createInfraApp,
  InfraKitModule,
  MetricsProvider,
  ReloadRegistry,
  Traced,
  type InfraKitOptions,
} from '../src/index.js';
import { ADAPTERS } from './probe-app.js';

@Injectable()
class Pricing implements OnApplicationShutdown {
  constructor(@Inject(MetricsProvider) private readonly metrics: MetricsProvider) {}

  @Traced()
  async price(): Promise<number> {
    return 42;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.metrics.span('last words', async () => undefined);
  }
}

@Controller('prices')
class PriceController {
  constructor(
    @Inject(Pricing) private readonly pricing: Pricing,
    private readonly log: ClogLogger,
  ) {}

  @Get(':item')
  async price(): Promise<{ price: number }> {
    this.log.info('asked for a price');
    return { price: await this.pricing.price() };
  }

  @Get(':item/broken')
  broken(): never {
    throw new RangeError('no such price');
  }
}

describe.each(ADAPTERS)('telemetry of the whole service on %s', (adapter) => {
  let collector: FakeCollector;
  let folder: string;
  beforeEach(async () => {
    collector = await startFakeCollector();
    folder = mkdtempSync(join(tmpdir(), 'infra-metrics-'));
  });
  afterEach(async () => {
    await collector.close();
    rmSync(folder, { recursive: true });
  });

  async function start(options: InfraKitOptions = {}) {
    const infra = InfraKitModule.forRoot({
      service: 'prices',
      env: 'test',
      clog: { output: join(folder, 'log'), level: 'info', format: 'json' },
      metrics: {
        endpoint: collector.url,
        traces: { exporter: 'otlp' },
        metrics: { exporter: 'both' },
        logs: { exporter: 'otlp' },
      },
      ...options,
    });
    @Module({ imports: [infra], controllers: [PriceController], providers: [Pricing] })
    class PriceModule {}
    const app = await createInfraApp(PriceModule, { adapter, port: 0, host: '127.0.0.1', prefix: 'api' });
    const { port } = app.getHttpServer().address() as AddressInfo;
    return { app, url: `http://127.0.0.1:${port}`, metrics: app.get(MetricsProvider) };
  }
  const lines = (): Record<string, unknown>[] =>
    readFileSync(join(folder, 'log'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const spanOf = (name: string): ReceivedSpan => {
    const found = collector.spans.find((span) => span.name === name);
    if (found === undefined)
      throw new Error(`no span ${name}: ${collector.spans.map((one) => one.name).join()}`);
    return found;
  };

  it('is one trace in header, span, log lines, access line and exported logs; everything is sent before the end', async () => {
    const { app, url } = await start();
    const answer = await fetch(`${url}/api/prices/tea`);
    const page = await (await fetch(`${url}/metrics`)).text();
    await app.close();

    const server = spanOf('GET /api/prices/:item');
    expect(answer.headers.get('x-trace-id')).toBe(server.traceId);
    expect(spanOf('Pricing.price')).toMatchObject({ traceId: server.traceId, parentSpanId: server.spanId });
    expect(spanOf('last words').resource['service.name']).toBe('prices');
    const mine = { trace_id: server.traceId, span_id: server.spanId };
    expect(lines().find(({ msg }) => msg === 'asked for a price')).toMatchObject(mine);
    expect(lines().find(({ msg }) => msg === 'request')).toMatchObject(mine);
    const sent = collector.logs.find(({ body }) => body === 'asked for a price');
    expect(sent).toMatchObject({
      severity: 'info',
      traceId: server.traceId,
      spanId: server.spanId,
      attributes: { namespace: 'PriceController' },
    });
    expect(collector.logs.some(({ body }) => body === 'request')).toBe(true);
    expect(page).toContain('http_route="/api/prices/:item"');
    expect(collector.metricNames).toContain('http.server.request.duration');
  });

  it("records an unexpected error on the request's span", async () => {
    const { app, url } = await start();
    await fetch(`${url}/api/prices/tea/broken`);
    await app.close();

    const { events, status } = spanOf('GET /api/prices/:item/broken');
    expect(status).toBe('error');
    expect(events.map(({ attributes }) => attributes['exception.message'])).toEqual(['no such price']);
  });

  it('takes another sampling ratio while it runs, and says of all else that it waits for a restart', async () => {
    const { app, url } = await start();
    const reload = app.get(ReloadRegistry);
    const offer = (revision: bigint, value: object) =>
      reload.offer('metrics', 'default', { revision, value });

    await offer(1n, { traces: { ratio: 0 } });
    await fetch(`${url}/api/prices/tea`);
    expect(await offer(2n, { traces: { ratio: 7 } })).toMatchObject({
      status: 'refused',
      errors: [expect.stringContaining('traces.ratio')],
    });
    const outcome = await offer(3n, { traces: { ratio: 1 }, serviceName: 'other' });
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: ['serviceName'] });
    await fetch(`${url}/api/prices/coffee`);
    await app.close();

    const server = collector.spans.filter(({ kind }) => kind === 'server');
    expect(server).toHaveLength(1);
  });

  it('never reaches a collector in tests', async () => {
    Logger.overrideLogger(false);
    const app = await createInfraApp(
      (() => {
        @Module({
          imports: [
            InfraKitModule.forTest({ metrics: { endpoint: collector.url, traces: { exporter: 'otlp' } } }),
          ],
        })
        class TestModule {}
        return TestModule;
      })(),
      { adapter },
    );
    await app.init();
    await app.get(MetricsProvider).span('unsent', async () => undefined);
    await app.close();

    await eventually(() => expect(collector.requests).toEqual([]));
  });
});
