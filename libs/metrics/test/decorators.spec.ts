import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { trace } from '@opentelemetry/api';
import { InfraError } from '@infra-kit/kernel';
import { concat, lastValueFrom, NEVER, of, throwError, type Observable } from 'rxjs';
import { Counted, MetricsModule, MetricsProvider, Timed, Traced } from '../src/index.js';
import { startFakeCollector, type FakeCollector, type ReceivedSpan } from '../src/testing/index.js';
import { seriesOf } from './series.js';

@Injectable()
class Checkout {
  @Traced()
  @Timed()
  @Counted()
  async place(id: string): Promise<string> {
    await Promise.resolve();
    return this.pay(id);
  }

  @Traced('payment')
  async pay(id: string): Promise<string> {
    if (id === 'broke') throw new InfraError('RESOURCE_EXHAUSTED', 'no money left');
    return `${id} in ${trace.getActiveSpan()?.spanContext().spanId}`;
  }

  @Traced()
  @Counted('checkout.events')
  events(fail: boolean): Observable<number> {
    return fail ? throwError(() => new Error('broken')) : of(1, 2, 3);
  }

  @Counted('checkout.events')
  endless(): Observable<number> {
    return concat(of(1), NEVER);
  }

  @Timed('checkout.sum')
  sum(...values: number[]): number {
    if (values.length === 0) throw new TypeError('nothing');
    return values.reduce((sum, value) => sum + value, 0);
  }
}

describe('decorators of methods', () => {
  let collector: FakeCollector;
  let module: TestingModule;
  let checkout: Checkout;
  let metrics: MetricsProvider;
  beforeEach(async () => {
    collector = await startFakeCollector();
    module = await Test.createTestingModule({
      imports: [
        MetricsModule.forRoot({ endpoint: collector.url, traces: { exporter: 'otlp' }, process: false }),
      ],
      providers: [Checkout],
    }).compile();
    await module.init();
    checkout = module.get(Checkout);
    metrics = module.get(MetricsProvider);
  });
  afterEach(async () => {
    await module.close();
    await collector.close();
  });
  const spans = async (): Promise<readonly ReceivedSpan[]> => {
    await metrics.forceFlush();
    return collector.spans;
  };

  it('trace a call as Class.method, or under the given name, the inner one below the outer', async () => {
    const answer = await checkout.place('tea');

    const [inner, outer] = await spans();
    expect(outer).toMatchObject({ name: 'Checkout.place', status: 'unset' });
    expect(inner).toMatchObject({ name: 'payment', parentSpanId: outer?.spanId, traceId: outer?.traceId });
    expect(answer).toBe(`tea in ${inner?.spanId}`);
  });

  it('count and time by method and outcome, the code of an error being one', async () => {
    await checkout.place('tea');
    await expect(checkout.place('broke')).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });

    const page = await metrics.scrape();
    const expected = new Map([
      ['method="Checkout.place",outcome="ok"', 1],
      ['method="Checkout.place",outcome="RESOURCE_EXHAUSTED"', 1],
    ]);
    expect(seriesOf(page, 'infra_method_calls_total')).toEqual(expected);
    expect(seriesOf(page, 'infra_method_duration_count')).toEqual(expected);
    expect(await spans()).toContainEqual(
      expect.objectContaining({ name: 'Checkout.place', status: 'error' }),
    );
  });

  it('take an Observable by its first error, its completion, or the leaving of its subscriber', async () => {
    await lastValueFrom(checkout.events(false));
    await expect(lastValueFrom(checkout.events(true))).rejects.toThrow('broken');
    checkout.endless().subscribe().unsubscribe();

    expect(seriesOf(await metrics.scrape(), 'checkout_events_total')).toEqual(
      new Map([
        ['method="Checkout.events",outcome="ok"', 1],
        ['method="Checkout.events",outcome="error"', 1],
        ['method="Checkout.endless",outcome="ok"', 1],
      ]),
    );
    const statuses = (await spans()).map(({ name, status }) => [name, status]);
    expect(statuses).toEqual([
      ['Checkout.events', 'unset'],
      ['Checkout.events', 'error'],
    ]);
  });

  it('time and count synchronous methods too, without changing what they give', async () => {
    expect(checkout.sum(1, 2)).toBe(3);
    expect(() => checkout.sum()).toThrow(new TypeError('nothing'));

    expect(seriesOf(await metrics.scrape(), 'checkout_sum_count')).toEqual(
      new Map([
        ['method="Checkout.sum",outcome="ok"', 1],
        ['method="Checkout.sum",outcome="error"', 1],
      ]),
    );
  });

  it('fail the start where the module is missing, with the import to add', async () => {
    const start = Test.createTestingModule({ providers: [Checkout] }).compile();
    await expect(start).rejects.toThrow(/MetricsModule\.forRoot|InfraKitModule\.forRoot\(\{ metrics/);
  });
});
