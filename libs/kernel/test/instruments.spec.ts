import { afterEach, describe, expect, it } from '@jest/globals';
import { metrics, type Attributes, type Meter, type MeterProvider } from '@opentelemetry/api';
import {
  CONFIG_RELOADS,
  KERNEL_SCOPE,
  lazyCounter,
  lazyHistogram,
  lazyUpDownCounter,
  ReloadRegistry,
} from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { RecordingLogger } from './recording-logger.js';

type Recorded = [scope: string, instrument: string, value: number, attributes: Attributes | undefined];

/** As much of an SDK as shows what reached it. */
function provider(): { recorded: Recorded[]; created: string[]; provider: MeterProvider } {
  const recorded: Recorded[] = [];
  const created: string[] = [];
  const getMeter = (scope: string): Meter => {
    const instrument = (name: string): object => {
      created.push(name);
      const record = (value: number, attributes?: Attributes): void =>
        void recorded.push([scope, name, value, attributes]);
      return { add: record, record };
    };
    return {
      createCounter: instrument,
      createHistogram: instrument,
      createUpDownCounter: instrument,
    } as unknown as Meter;
  };
  return { recorded, created, provider: { getMeter } };
}

afterEach(() => metrics.disable());

describe('an instrument made before the SDK has started', () => {
  it('does nothing, then works once there is a provider, and follows the next one', () => {
    const counter = lazyCounter('scope', 'infra.x.count');
    const histogram = lazyHistogram('scope', 'infra.x.duration', { unit: 's' });
    counter.add(1);
    const first = provider();
    metrics.setGlobalMeterProvider(first.provider);
    counter.add(2, { outcome: 'hit' });
    histogram.record(0.5);
    lazyUpDownCounter('scope', 'infra.x.now').add(-1);
    metrics.disable();
    const second = provider();
    metrics.setGlobalMeterProvider(second.provider);
    counter.add(3);
    expect(first.recorded).toEqual([
      ['scope', 'infra.x.count', 2, { outcome: 'hit' }],
      ['scope', 'infra.x.duration', 0.5, undefined],
      ['scope', 'infra.x.now', -1, undefined],
    ]);
    expect(second.recorded).toEqual([['scope', 'infra.x.count', 3, undefined]]);
  });

  it('is looked up once a provider, not a call', () => {
    const counter = lazyCounter('scope', 'infra.x.count');
    const { created, provider: sdk } = provider();
    metrics.setGlobalMeterProvider(sdk);
    for (let n = 0; n < 10; n++) counter.add(1);
    expect(created).toEqual(['infra.x.count']);
  });
});

it('configuration documents are counted by outcome', async () => {
  const { recorded, provider: sdk } = provider();
  metrics.setGlobalMeterProvider(sdk);
  const registry = new ReloadRegistry({ logger: new RecordingLogger(), clock: new FakeClock() });
  registry.register({
    component: 'cache',
    instance: 'sessions',
    parse: (document) => {
      if (document === 'bad') throw new Error('bad');
    },
    apply: () => undefined,
  });
  await registry.offer('cache', 'sessions', { revision: 1n, value: 'good' });
  await registry.offer('cache', 'sessions', { revision: 2n, value: 'bad' });
  const labels = { component: 'cache', instance: 'sessions' };
  expect(recorded).toEqual([
    [KERNEL_SCOPE, CONFIG_RELOADS, 1, { ...labels, outcome: 'applied' }],
    [KERNEL_SCOPE, CONFIG_RELOADS, 1, { ...labels, outcome: 'refused' }],
  ]);
});
