import { beforeAll, describe, expect, it } from '@jest/globals';
import { pathOf, traceOneOrder, type OrderTrace } from './order-trace.js';

/** What one order emits: a new name belongs here and into docs/telemetry.md. */
const METRICS = [
  'db.client.operation.duration',
  'http.server.request.duration',
  'infra.coord.operation.duration',
  'infra.mq.consumed',
  'infra.mq.consumer.rebalances',
  'infra.mq.handle.duration',
  'infra.mq.send.duration',
  'infra.mq.sent',
  'infra.telemetry.exported',
];

describe('an order over HTTP on embedded drivers, through a topic, to the consumer that writes it', () => {
  let trace: OrderTrace;
  beforeAll(async () => {
    trace = await traceOneOrder({
      cache: true,
      coord: true,
      es: true,
      mq: { driver: 'memory' },
      db: { driver: 'embedded', embedded: 'pglite' },
    });
  }, 60_000);

  it('is one trace, in which every span has its parent', () => {
    const roots = trace.spans.filter(({ parentSpanId }) => parentSpanId === undefined);
    expect(roots.map(({ name, kind }) => [name, kind])).toEqual([['POST /orders/:id', 'server']]);
    const known = new Set(trace.spans.map(({ spanId }) => spanId));
    expect(trace.spans.filter(({ parentSpanId }) => parentSpanId && !known.has(parentSpanId))).toEqual([]);
    expect(pathOf(trace.spans, 'INSERT')).toEqual([
      'INSERT',
      'process orders',
      'send orders',
      'POST /orders/:id',
    ]);
  });

  it.each([
    ['coord.ping', 'client'],
    ['index orders', 'client'],
    ['send orders', 'producer'],
  ])("has '%s' as a %s call of the request", (name, kind) => {
    expect(pathOf(trace.spans, name)).toEqual([name, 'POST /orders/:id']);
    expect(trace.spans.find((span) => span.name === name)?.kind).toBe(kind);
  });

  it('emits the golden list of metrics', () => {
    expect(trace.collector.metricNames).toEqual(METRICS);
  });
});
