import { describe, expect, it } from '@jest/globals';
import { metrics, type Attributes, type Meter, type MeterProvider } from '@opentelemetry/api';
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
