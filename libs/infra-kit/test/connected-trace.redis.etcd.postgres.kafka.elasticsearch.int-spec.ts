import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createDatabase,
  dropIndices,
  sharedElasticsearch,
  sharedEtcd,
  sharedKafka,
  sharedRedis,
  uniqueName,
  uniquePrefix,
  type OwnDatabase,
} from '@infra-kit/testkit';
import { pathOf, traceOneOrder, type OrderTrace } from './order-trace.js';

describe('an order over HTTP, through Kafka, to the consumer that writes it to PostgreSQL', () => {
  const indexPrefix = uniquePrefix('trace', '-');
  let database: OwnDatabase;
  let trace: OrderTrace;
  beforeAll(async () => {
    database = await createDatabase();
    trace = await traceOneOrder({
      service: uniqueName('orders'),
      cache: { driver: 'redis', url: sharedRedis().url, keyPrefix: uniquePrefix('trace') },
      coord: { driver: 'etcd', endpoints: [...sharedEtcd().endpoints] },
      es: { node: sharedElasticsearch().url, indexPrefix },
      mq: { driver: 'kafka', brokers: [...sharedKafka().brokers], topicPrefix: uniquePrefix('trace', '-') },
      db: { driver: 'postgresql', url: database.url },
    });
  }, 120_000);
  afterAll(async () => {
    await database.drop();
    await dropIndices(sharedElasticsearch(), indexPrefix);
  });

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
    ['cache.set', 'redis'],
    ['coord.ping', 'etcd'],
    [`index ${indexPrefix}orders`, 'elasticsearch'],
  ])("has '%s' as a call of the request to %s", (name, system) => {
    expect(pathOf(trace.spans, name)).toEqual([name, 'POST /orders/:id']);
    expect(trace.spans.find((span) => span.name === name)).toMatchObject({
      kind: 'client',
      attributes: { 'db.system.name': system },
    });
  });

  it('emits the golden list of metrics', () => {
    expect(trace.collector.metricNames).toEqual([
      'db.client.connection.count',
      'db.client.connection.max',
      'db.client.connection.pending_requests',
      'db.client.operation.duration',
      'http.server.request.duration',
      'infra.cache.operation.duration',
      'infra.coord.operation.duration',
      'infra.mq.consumed',
      'infra.mq.consumer.rebalances',
      'infra.mq.handle.duration',
      'infra.mq.send.duration',
      'infra.mq.sent',
      'infra.telemetry.exported',
    ]);
  });
});
