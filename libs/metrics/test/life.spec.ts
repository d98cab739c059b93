import { describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Test } from '@nestjs/testing';
import { ReloadRegistry, ResourceStack, SystemClock } from '@infra-kit/kernel';
import { eventually, FakeClock, RecordingLogger } from '@infra-kit/kernel/testing';
import { createMetrics, getMetricsToken, MetricsModule, MetricsProvider } from '../src/index.js';
import { startFakeCollector } from '../src/testing/index.js';
import { seriesOf } from './series.js';

const portOf = async (metrics: MetricsProvider): Promise<number> =>
  Number((await metrics.health()).detail['port']);

describe('the page on a port of its own', () => {
  it('is there until the end, alone on that port', async () => {
    const metrics = await createMetrics(
      { metrics: { port: 0, host: '127.0.0.1', path: '/prom' } },
      { env: 'test' },
    );
    metrics.counter('orders').add(2);
    const url = `http://127.0.0.1:${await portOf(metrics)}`;

    expect(await (await fetch(`${url}/prom?x=1`)).text()).toContain('orders_total 2');
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    await metrics.close();
    await expect(fetch(`${url}/prom`)).rejects.toThrow();
  });

  it('fails the start when the port is taken, and leaves no SDK behind', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;

    await expect(createMetrics({ metrics: { port, host: '127.0.0.1' } })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining(`metrics.port ${port}`),
    });
    other.close();
    const metrics = await createMetrics({ serviceName: 'after' }, { env: 'test' });
    expect(await metrics.scrape()).toContain('service_name="after"');
    await metrics.close();
  });
});

describe('views', () => {
  it('rename, sum over labels, set buckets and bounds, and leave out; the first that fits decides', async () => {
    const metrics = await createMetrics(
      {
        process: false,
        views: [
          { instrument: 'orders.*', name: 'shop.orders', description: 'All of them', labels: ['region'] },
          { instrument: 'orders.placed', drop: true },
          { instrument: 'noise', drop: true },
          { instrument: 'latency', buckets: [1, 2] },
          { instrument: 'users', maxCardinality: 1 },
          { instrument: 'scoped', scope: 'somebody', drop: true },
        ],
      },
      { env: 'test' },
    );
    for (let user = 0; user < 5000; user++) metrics.counter('orders.placed').add(1, { region: 'eu', user });
    metrics.counter('noise').add(1);
    metrics.histogram('latency').record(1.5);
    metrics.counter('users').add(1, { id: 1 });
    metrics.counter('users').add(1, { id: 2 });
    metrics.counter('scoped').add(1);

    const page = await metrics.scrape();
    await metrics.close();

    expect(seriesOf(page, 'shop_orders_total')).toEqual(new Map([['region="eu"', 5000]]));
    expect(page).toContain('# HELP shop_orders_total All of them');
    expect(page).not.toContain('noise');
    expect([...seriesOf(page, 'latency_bucket').keys()]).toEqual(['le="1"', 'le="2"', 'le="+Inf"']);
    expect([...seriesOf(page, 'users_total').keys()]).toEqual(['id="1"', 'id="other"']);
    expect(page).toContain('scoped_total 1');
  });
});

describe('the life of metrics', () => {
  it('measures the process: event loop, heap, garbage collection, handles', async () => {
    const metrics = await createMetrics({}, { env: 'test' });
    await metrics.scrape();
    await eventually(async () => {
      const page = await metrics.scrape();
      for (const statistic of ['min', 'max', 'mean', 'p50', 'p90', 'p99'])
        expect(seriesOf(page, 'nodejs_eventloop_delay').get(`statistic="${statistic}"`)).toBeGreaterThan(0);
      expect(seriesOf(page, 'nodejs_eventloop_utilization').get('')).toBeGreaterThan(0);
      expect(seriesOf(page, 'v8js_memory_heap_used').get('v8js_heap_space_name="old_space"')).toBeGreaterThan(
        0,
      );
      expect(seriesOf(page, 'v8js_memory_heap_size').size).toBeGreaterThan(3);
      expect(seriesOf(page, 'process_memory_usage').get('')).toBeGreaterThan(1e6);
      expect(seriesOf(page, 'nodejs_active_resources').size).toBeGreaterThan(0);
      Array.from({ length: 200_000 }, (_, index) => ({ index }));
      expect(seriesOf(page, 'v8js_gc_duration_count').size).toBeGreaterThan(0);
    });
    await metrics.close();

    const without = await createMetrics({ process: false }, { env: 'test' });
    expect(await without.scrape()).not.toMatch(/nodejs_|v8js_|process_memory/);
    await without.close();
  });

  it('takes another ratio while it runs; a bad one changes nothing', async () => {
    const collector = await startFakeCollector();
    const logger = new RecordingLogger();
    const reload = new ReloadRegistry({ logger, clock: new FakeClock() });
    const metrics = await createMetrics(
      { endpoint: collector.url, traces: { exporter: 'otlp', ratio: 0 }, process: false },
      { env: 'test', reload, logger },
    );
    const spans = async (): Promise<number> => {
      await metrics.span('x', async () => undefined);
      await metrics.forceFlush();
      return collector.spans.length;
    };
    expect(await spans()).toBe(0);

    const applied = await reload.offer('metrics', 'default', {
      revision: 1n,
      value: { traces: { ratio: 1 } },
    });
    expect(applied).toMatchObject({ status: 'applied', restartRequired: [] });
    expect(await spans()).toBe(1);

    const bad = await reload.offer('metrics', 'default', { revision: 2n, value: { traces: { ratio: 7 } } });
    expect(bad).toMatchObject({ status: 'refused', errors: [expect.stringContaining('traces.ratio')] });
    expect(await spans()).toBe(2);

    const structural = { traces: { exporter: 'none' }, http: { enabled: false } };
    const later = await reload.offer('metrics', 'default', { revision: 3n, value: structural });
    expect(later.restartRequired).toEqual(['http', 'traces']);
    // a document holds what differs from the code, whose ratio is 0
    expect(await spans()).toBe(2);
    await metrics.close();
    await collector.close();
  });

  it('sends in the phase of flushing and once more at the very end, after every other connection', async () => {
    const collector = await startFakeCollector();
    const stack = new ResourceStack();
    const metrics = await createMetrics(
      { endpoint: collector.url, traces: { exporter: 'otlp' }, process: false },
      { env: 'test', stack, clock: new SystemClock() },
    );
    stack.push({
      name: 'somebody',
      phase: 'connections',
      close: () => metrics.span('last words', async () => undefined),
    });
    await metrics.span('before', async () => undefined);

    await stack.closeThrough('flush');
    expect(collector.spans.map(({ name }) => name)).toEqual(['before']);
    expect((await stack.close()).ok).toBe(true);
    expect(collector.spans.map(({ name }) => name)).toEqual(['before', 'last words']);
    expect(await metrics.health()).toMatchObject({ status: 'down' });
    await collector.close();
  });

  it('is provided by its module, named ones too, and closed with the application', async () => {
    const module = await Test.createTestingModule({
      imports: [
        MetricsModule.forRoot({ process: false }),
        MetricsModule.forRootAsync({ name: 'extra', useFactory: () => ({ process: false }) }),
      ],
    }).compile();
    await module.init();
    const metrics = module.get(MetricsProvider);
    const extra = module.get<MetricsProvider>(getMetricsToken('extra'));
    expect([metrics.name, extra.name]).toEqual(['default', 'extra']);
    await module.close();
    await expect(extra.scrape()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', instance: 'extra' });
  });

  it('turns lines of logs into records; what is no line is passed over', async () => {
    const collector = await startFakeCollector();
    const metrics = await createMetrics({
      endpoint: collector.url,
      logs: { exporter: 'otlp' },
      process: false,
    });
    const line = {
      time: '2026-01-01T00:00:00.000Z',
      level: 'error',
      msg: 'order failed',
      namespace: 'orders',
      service: 'shop',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      span_id: 'b7ad6b7169203331',
      items: 3,
      err: { code: 'ABORTED' },
    };
    metrics.lines?.(JSON.stringify(line));
    metrics.lines?.('no JSON');
    metrics.lines?.(JSON.stringify({ ...line, span_id: undefined }));
    await metrics.close();
    await collector.close();

    expect(collector.logs).toMatchObject([
      {
        body: 'order failed',
        severity: 'error',
        traceId: line.trace_id,
        spanId: line.span_id,
        attributes: { namespace: 'orders', items: 3, err: '{"code":"ABORTED"}' },
      },
      { traceId: undefined, attributes: { trace_id: line.trace_id } },
    ]);
  });
});
