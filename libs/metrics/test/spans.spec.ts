import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { InfraContext, InfraError } from '@infra-kit/kernel';
import { createMetrics, type MetricsOptions, type MetricsProvider } from '../src/index.js';
import { startFakeCollector, type FakeCollector } from '../src/testing/index.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

describe('spans', () => {
  let collector: FakeCollector;
  let metrics: MetricsProvider;
  const start = async (traces: MetricsOptions['traces'] = {}): Promise<void> => {
    metrics = await createMetrics(
      {
        serviceName: 'shop',
        serviceVersion: '1.2.3',
        endpoint: collector.url,
        resource: { team: 'orders' },
        traces: { exporter: 'otlp', ...traces },
        process: false,
      },
      { env: 'staging' },
    );
  };
  beforeEach(async () => {
    collector = await startFakeCollector();
  });
  afterEach(async () => {
    await metrics.close();
    await collector.close();
  });

  it('stand below each other, say whose they are, and give back what the function gave', async () => {
    await start();
    const given = await metrics.span(
      'outer',
      async (outer) => {
        outer.setAttribute('order.items', 3);
        return metrics.span('inner', async () => 42);
      },
      { kind: SpanKind.PRODUCER, attributes: { tenant: 'a' }, scope: 'checkout' },
    );
    await metrics.forceFlush();

    expect(given).toBe(42);
    const [inner, outer] = collector.spans;
    expect(inner).toMatchObject({
      name: 'inner',
      scope: 'shop',
      kind: 'internal',
      parentSpanId: outer?.spanId,
    });
    expect(outer).toMatchObject({
      name: 'outer',
      scope: 'checkout',
      kind: 'producer',
      traceId: inner?.traceId,
      attributes: { tenant: 'a', 'order.items': 3 },
      status: 'unset',
    });
    expect(outer?.resource).toMatchObject({
      'service.name': 'shop',
      'service.version': '1.2.3',
      'service.instance.id': expect.any(String),
      'deployment.environment.name': 'staging',
      team: 'orders',
    });
    expect(Object.keys(outer?.resource ?? {}).filter((key) => /^(process|host|os)\./.test(key))).toEqual([]);
  });

  it('record an error, which comes out as that same object', async () => {
    await start();
    const error = new InfraError('ABORTED', 'twice at once');
    await expect(metrics.span('failing', () => Promise.reject(error))).rejects.toBe(error);
    await metrics.forceFlush();

    expect(collector.spans[0]).toMatchObject({
      status: 'error',
      attributes: { 'error.type': 'ABORTED' },
      events: [{ name: 'exception', attributes: { 'exception.message': 'twice at once' } }],
    });
  });

  it("take the context's trace, and its caller as parent", async () => {
    await start();
    await InfraContext.run({ traceId: TRACE_ID }, () => metrics.span('root', async () => undefined));
    await InfraContext.run({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }, () =>
      metrics.span('below', async () => undefined),
    );
    await metrics.forceFlush();

    expect(collector.spans[0]).toMatchObject({ traceId: TRACE_ID, parentSpanId: undefined });
    expect(collector.spans[1]).toMatchObject({ traceId: TRACE_ID, parentSpanId: SPAN_ID });
  });

  it.each([
    [{ sampler: 'always', ratio: 0 }, 100, 100],
    [{ sampler: 'never', ratio: 1 }, 0, 0],
    [{ sampler: 'ratio', ratio: 0 }, 0, 0],
    [{ sampler: 'parent-ratio', ratio: 0 }, 0, 50],
  ] as const)('are sampled as %o says', async (traces, alone, called) => {
    await start(traces);
    const sampled = trace.setSpanContext(context.active(), {
      traceId: TRACE_ID,
      spanId: SPAN_ID,
      traceFlags: 1,
      isRemote: true,
    });
    for (let at = 0; at < 100; at++)
      await context.with(at % 2 === 0 ? sampled : context.active(), () =>
        metrics.span('x', async () => undefined),
      );
    await metrics.forceFlush();

    const below = collector.spans.filter(({ traceId }) => traceId === TRACE_ID).length;
    expect([collector.spans.length, below]).toEqual([Math.max(alone, called), Math.min(called, 50)]);
  });

  it('are refused after the end, as every call but instruments, health and close', async () => {
    await start();
    await metrics.close();

    const closed = { code: 'FAILED_PRECONDITION' };
    await expect(metrics.span('late', async () => undefined)).rejects.toMatchObject(closed);
    await expect(metrics.scrape()).rejects.toMatchObject(closed);
    await expect(metrics.forceFlush()).rejects.toMatchObject(closed);
    await expect(metrics.close()).resolves.toBeUndefined();
    await expect(metrics.shutdown()).resolves.toBeUndefined();
    expect(await metrics.health()).toMatchObject({ status: 'down' });
  });
});
