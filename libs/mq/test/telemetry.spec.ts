import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import {
  context,
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Meter,
  type MeterProvider,
  type Span,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api';
import { createMq, MQ_METRICS } from '@infra-kit/mq';
import { SilentLogger } from './fixtures/silent-logger.js';

interface Measured {
  readonly name: string;
  readonly value: number;
  readonly attributes: Attributes;
}

/** Keeps what is measured, until disposed. */
function recordMetrics(): Disposable & { readonly all: Measured[] } {
  const all: Measured[] = [];
  const instrument = (name: string): object => {
    const keep = (value: number, attributes: Attributes = {}): void =>
      void all.push({ name, value, attributes });
    return { add: keep, record: keep };
  };
  const meter = { createCounter: instrument, createHistogram: instrument } as unknown as Meter;
  const provider: MeterProvider = { getMeter: () => meter };
  metrics.disable();
  metrics.setGlobalMeterProvider(provider);
  return { all, [Symbol.dispose]: () => metrics.disable() };
}

describe('the metrics of an mq', () => {
  it('count and time what is sent and handled, by topic and group, never by key', async () => {
    using recorded = recordMetrics();
    const mq = await createMq(
      { driver: 'memory' },
      { name: 'events', env: 'test', logger: new SilentLogger() },
    );
    await mq.subscribe(
      't',
      async ({ value }) => {
        if (value === 'bad') throw new Error('no');
      },
      { group: 'g', retry: { attempts: 2, backoffMs: 1 } },
    );
    await mq.send('t', { key: 'k', value: 'good' });
    await mq.send('t', { key: 'k', value: 'bad' });
    await expect(mq.send('t', { value: 1, partition: 9 })).rejects.toThrow();
    await mq.testing.drained('g');
    await mq.close();
    const sum = (name: string, attributes: Attributes): number =>
      recorded.all
        .filter(
          (each) =>
            each.name === name &&
            Object.entries(attributes).every(([key, value]) => each.attributes[key] === value),
        )
        .reduce((total, { value }) => total + value, 0);
    const of = { mq: 'events', topic: 't' };
    expect(sum(MQ_METRICS.sent, { ...of, outcome: 'ok' })).toBe(2);
    expect(sum(MQ_METRICS.sent, { ...of, outcome: 'INVALID_ARGUMENT' })).toBe(1);
    expect(sum(MQ_METRICS.consumed, { ...of, group: 'g', outcome: 'ok' })).toBe(1);
    expect(sum(MQ_METRICS.consumed, { ...of, group: 'g', outcome: 'dead-letter' })).toBe(1);
    const runs = recorded.all.filter(({ name }) => name === MQ_METRICS.handleDuration);
    expect(runs.map(({ attributes }) => attributes['outcome'])).toEqual(['ok', 'failed', 'failed']);
    expect(sum(MQ_METRICS.rebalances, { group: 'g' })).toBe(1);
    const labels = new Set(recorded.all.flatMap(({ attributes }) => Object.keys(attributes)));
    expect([...labels].toSorted()).toEqual(['group', 'mq', 'outcome', 'topic']);
  });
});

interface Recorded {
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly traceId: string;
  readonly parent: string | undefined;
  readonly links: readonly string[];
}

/** Keeps spans, and the active one across awaits, until disposed. */
function recordSpans(): Disposable & { readonly all: Recorded[] } {
  const all: Recorded[] = [];
  const store = new AsyncLocalStorage<Context>();
  let made = 0;
  const tracer = {
    startActiveSpan(name: string, options: SpanOptions, ...rest: unknown[]): unknown {
      const fn = rest.at(-1) as (span: Span) => unknown;
      const under = rest.length > 1 ? (rest[0] as Context) : context.active();
      const parent = trace.getSpanContext(under);
      const spanId = String(++made).padStart(16, '0');
      const traceId = parent?.traceId ?? 'ef'.repeat(16);
      const links = (options.links ?? []).map((link) => link.context.spanId);
      all.push({ name, kind: options.kind, traceId, parent: parent?.spanId, links });
      const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 });
      return context.with(trace.setSpan(under, span), () => fn(span));
    },
  };
  context.setGlobalContextManager({
    active: () => store.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, self, ...args) => store.run(active, () => Reflect.apply(fn, self, args)),
    bind: (_active, target) => target,
    enable: () => context as never,
    disable: () => context as never,
  });
  trace.setGlobalTracerProvider({ getTracer: () => tracer as unknown as Tracer });
  return {
    all,
    [Symbol.dispose]: () => {
      trace.disable();
      context.disable();
    },
  };
}

describe('the spans of an mq', () => {
  it('are one trace: the consumer below the producer and linked to it, also after a retry and a redrive', async () => {
    using recorded = recordSpans();
    const mq = await createMq({ driver: 'memory' }, { env: 'test', logger: new SilentLogger() });
    let healed = false;
    const traceIds: unknown[] = [];
    const retry = { attempts: 2, backoffMs: 1, mode: 'topics' as const };
    await mq.subscribe(
      't',
      async (_message, { traceId }) => {
        traceIds.push(traceId);
        if (!healed) throw new Error('not yet');
      },
      { group: 'g', retry },
    );
    await mq.send('t', { value: 1 });
    await mq.testing.drained('g');
    healed = true;
    await mq.deadLetters.redrive('t');
    await mq.testing.drained('g');
    await mq.close();
    const traceId = 'ef'.repeat(16);
    const [sent, ...handled] = recorded.all;
    expect(sent).toMatchObject({ name: 'send t', kind: SpanKind.PRODUCER, traceId, parent: undefined });
    const producer = '1'.padStart(16, '0');
    const consumer = {
      name: 'process t',
      kind: SpanKind.CONSUMER,
      traceId,
      parent: producer,
      links: [producer],
    };
    expect(handled).toEqual([consumer, consumer, consumer]);
    expect(traceIds).toEqual([traceId, traceId, traceId]);
  });
});
