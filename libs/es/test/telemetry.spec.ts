import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  context,
  metrics,
  ROOT_CONTEXT,
  trace,
  type Attributes,
  type Context,
  type Meter,
  type Span,
} from '@opentelemetry/api';
import { ES_METRICS } from '@infra-kit/es';
import { faultyEs } from './faulty-driver.js';

const measured: { name: string; attributes: Attributes }[] = [];
const spans: { name: string; attributes: Attributes; ended: boolean }[] = [];
const keeper = (name: string) => {
  const keep = (_value: number, attributes: Attributes = {}): void =>
    void measured.push({ name, attributes });
  return { add: keep, record: keep };
};

function spanOf(name: string, attributes: Attributes = {}): Span {
  const kept = { name, attributes: { ...attributes }, ended: false };
  spans.push(kept);
  return {
    isRecording: () => true,
    setStatus: () => undefined,
    setAttribute: (key: string, value: string) => void (kept.attributes[key] = value),
    spanContext: () => ({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 }),
    end: () => void (kept.ended = true),
  } as unknown as Span;
}

beforeEach(() => {
  measured.length = spans.length = 0;
  metrics.setGlobalMeterProvider({
    getMeter: () => ({ createCounter: keeper, createHistogram: keeper }) as unknown as Meter,
  });
  trace.setGlobalTracerProvider({
    getTracer: () =>
      ({
        startSpan: (name: string, { attributes }: { attributes: Attributes }) => spanOf(name, attributes),
      }) as never,
  });
  const store = new AsyncLocalStorage<Context>();
  context.setGlobalContextManager({
    active: () => store.getStore() ?? ROOT_CONTEXT,
    with: (current, fn, self, ...args) => store.run(current, () => fn.apply(self as never, args)),
    bind: (_current, target) => target,
    enable: () => context as never,
    disable: () => context as never,
  });
});
afterEach(() => {
  metrics.disable();
  trace.disable();
  context.disable();
});

const of = (name: string): Attributes[] =>
  measured.filter((each) => each.name === name).map(({ attributes }) => attributes);

describe('the telemetry of an es', () => {
  it('times calls by operation and error, and counts documents by outcome and those sent again', async () => {
    const { es, cut, faults } = await faultyEs({ bulk: { retries: 1 } }, 'shop');
    await es.indices.ensure({ index: 'items', mappings: { properties: { n: { type: 'long' } } } });
    await es.bulkIndex('items', [{ n: 1 }, { n: 'x' }]);
    cut();
    await es.bulkIndex('items', [{ n: 2 }]);
    await expect(es.get('items', '1')).rejects.toThrow();
    faults.heal();
    await es.close();
    const base = { 'db.system.name': 'memory', 'infra.instance': 'shop' };
    expect(of(ES_METRICS.duration)).toEqual(
      expect.arrayContaining([
        { ...base, 'db.operation.name': 'bulk' },
        { ...base, 'db.operation.name': 'get', 'error.type': 'UNAVAILABLE' },
      ]),
    );
    const outcomes = of(ES_METRICS.documents).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['failed', 'indexed', 'failed']);
    expect(of(ES_METRICS.retries)).toEqual([{ 'infra.instance': 'shop' }]);
    const labels = new Set(measured.flatMap(({ attributes }) => Object.keys(attributes)));
    expect([...labels].sort()).toEqual([
      'db.operation.name',
      'db.system.name',
      'error.type',
      'infra.instance',
      'outcome',
    ]);
  });

  it('makes a span of each call inside a recorded one, as the conventions for databases name it', async () => {
    const { es } = await faultyEs();
    await es.index('items', { n: 1 }, { id: '1' });
    expect(spans).toEqual([]);
    await context.with(trace.setSpan(ROOT_CONTEXT, spanOf('request')), async () => {
      await es.get('items', '1');
      await es.get('nowhere', '1').catch(() => undefined);
    });
    const attributes = {
      'db.system.name': 'memory',
      'db.operation.name': 'get',
      'infra.instance': 'default',
    };
    expect(spans.slice(1)).toEqual([
      { name: 'get items', attributes: { ...attributes, 'db.collection.name': 'items' }, ended: true },
      {
        name: 'get nowhere',
        attributes: { ...attributes, 'db.collection.name': 'nowhere', 'error.type': 'NOT_FOUND' },
        ended: true,
      },
    ]);
    await es.close();
  });
});
