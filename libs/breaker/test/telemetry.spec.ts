import { afterEach, describe, expect, it } from '@jest/globals';
import {
  metrics,
  type Attributes,
  type Meter,
  type MetricOptions,
  type ObservableCallback,
  type ObservableResult,
} from '@opentelemetry/api';
import { BREAKER_METRICS } from '../src/index.js';
import { aBreaker, fail, succeed } from './breakers.js';

interface Measured {
  readonly name: string;
  readonly value: number;
  readonly attributes: Attributes;
}

/** A MeterProvider that keeps what it is given; gauges are read when asked. */
function install() {
  const all: Measured[] = [];
  const gauges = new Map<ObservableCallback, string>();
  const units = new Map<string, string | undefined>();
  const instrument = (name: string, options?: MetricOptions) => {
    units.set(name, options?.unit);
    const keep = (value: number, attributes: Attributes = {}): void =>
      void all.push({ name, value, attributes });
    return { add: keep, record: keep };
  };
  const meter = {
    createCounter: instrument,
    createHistogram: instrument,
    createObservableGauge: (name: string) => ({
      addCallback: (callback: ObservableCallback) => void gauges.set(callback, name),
      removeCallback: (callback: ObservableCallback) => void gauges.delete(callback),
    }),
  } as unknown as Meter;
  metrics.disable();
  metrics.setGlobalMeterProvider({ getMeter: () => meter });
  const observed = (): Measured[] => {
    const seen: Measured[] = [];
    for (const [callback, name] of gauges) {
      const result: ObservableResult = {
        observe: (value, attributes = {}) => void seen.push({ name, value, attributes }),
      };
      void callback(result);
    }
    return seen;
  };
  return { all, units, observed, gauges };
}
afterEach(() => metrics.disable());

describe('the metrics of breakers', () => {
  it('count calls by outcome and time those that were let through', async () => {
    const { all, units } = install();
    const { breaker, clock, outcomeOf, open } = await aBreaker({
      timeoutMs: 100,
      maxConcurrent: 1,
      failureThreshold: 3,
      isIgnored: (error) => error === 'ignored',
    });
    const slow = outcomeOf(() => clock.sleep(50));
    await outcomeOf(succeed); // full
    await clock.advance(50);
    await slow;
    await outcomeOf(fail);
    await outcomeOf(() => Promise.reject({ status: 404 }));
    await outcomeOf(() => Promise.reject('ignored'));
    await outcomeOf(succeed, { signal: AbortSignal.abort() });
    const hung = outcomeOf(() => new Promise(() => undefined));
    await clock.advance(100);
    await hung;
    await open();
    await outcomeOf(succeed);
    const of = (metric: string): Measured[] => all.filter(({ name }) => name === metric);
    const outcomes = of(BREAKER_METRICS.calls).map(({ attributes }) => attributes['outcome']);
    expect(outcomes).toEqual([
      'full',
      'success',
      'failure',
      'tolerated',
      'ignored',
      'cancelled',
      'timeout',
      'failure',
      'failure',
      'rejected',
    ]);
    const timed = of(BREAKER_METRICS.duration);
    expect(timed.map(({ attributes }) => attributes['outcome'])).not.toContain('rejected');
    expect(timed[0]).toEqual({
      name: BREAKER_METRICS.duration,
      value: 0.05,
      attributes: { breaker: 'payment', provider: 'default', outcome: 'success' },
    });
    expect(units.get(BREAKER_METRICS.duration)).toBe('s');
    expect(of(BREAKER_METRICS.changes).map(({ attributes }) => attributes)).toEqual([
      { breaker: 'payment', provider: 'default', state: 'open', reason: 'consecutive-failures' },
    ]);
    expect(breaker.state).toBe('open');
  });

  it('have a gauge of states: 0 closed, 1 half-open, 2 open, 3 isolated', async () => {
    const { observed } = install();
    const { breaker, due, outcomeOf } = await aBreaker();
    await breaker.execute(succeed);
    const value = (): number | undefined => observed()[0]?.value;
    const seen = [value()];
    await due();
    seen.push(value());
    await outcomeOf(succeed);
    seen.push(value());
    breaker.isolate();
    seen.push(value());
    expect(seen).toEqual([0, 2, 1, 3]);
    expect(observed()).toEqual([
      { name: BREAKER_METRICS.state, value: 3, attributes: { breaker: 'payment', provider: 'default' } },
    ]);
  });

  it('go to the MeterProvider of the moment, also one that came after the breaker', async () => {
    const { breaker } = await aBreaker();
    await breaker.execute(succeed);
    const first = install();
    // while nobody measured, that is asked anew with every sixteenth call
    let unseen = 0;
    for (; first.all.length === 0; unseen++) await breaker.execute(succeed);
    expect(unseen).toBeLessThanOrEqual(17);
    const second = install();
    await breaker.execute(succeed);
    await breaker.execute(succeed);
    const calls = ({ all }: typeof first): number =>
      all.filter(({ name }) => name === BREAKER_METRICS.calls).length;
    expect([calls(first), calls(second)]).toEqual([1, 2]);
    expect([first.gauges.size, second.gauges.size]).toEqual([0, 1]);
  });
});
