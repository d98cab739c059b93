import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics as api } from '@opentelemetry/api';
import { createMetrics, type MetricsProvider } from '../src/index.js';
import { seriesOf, sumOf } from './series.js';

describe('instruments', () => {
  let metrics: MetricsProvider;
  beforeEach(async () => {
    metrics = await createMetrics({ serviceName: 'shop', serviceVersion: '1.2.3' }, { env: 'test' });
  });
  afterEach(() => metrics.close());

  it('are shown on the page under the names that OpenTelemetry gives them', async () => {
    metrics.counter('orders.placed', { description: 'Orders', unit: '{order}' }).add(2, { region: 'eu' });
    metrics.upDownCounter('carts.open').add(3);
    metrics.upDownCounter('carts.open').add(-1);
    metrics.histogram('order.duration', { unit: 's', buckets: [0.1, 1] }).record(0.5);
    metrics.gauge('stock.level').record(41);
    metrics.gauge('stock.level').record(42);
    metrics.observableGauge('queue.length', (result) => result.observe(7, { queue: 'mail' }));

    const page = await metrics.scrape();

    expect(seriesOf(page, 'orders_placed_total')).toEqual(new Map([['region="eu"', 2]]));
    expect(page).toContain('# HELP orders_placed_total Orders');
    expect(seriesOf(page, 'carts_open')).toEqual(new Map([['', 2]]));
    expect(seriesOf(page, 'order_duration_bucket')).toEqual(
      new Map([
        ['le="0.1"', 0],
        ['le="1"', 1],
        ['le="+Inf"', 1],
      ]),
    );
    expect(seriesOf(page, 'stock_level')).toEqual(new Map([['', 42]]));
    expect(seriesOf(page, 'queue_length')).toEqual(new Map([['queue="mail"', 7]]));
    expect(page).toMatch(/target_info\{.*service_name="shop".*service_version="1.2.3"/);
  });

  it('of one name are one instrument', () => {
    expect(metrics.counter('orders')).toBe(metrics.counter('orders'));
  });

  it('keep 2,000 series under a flood of label values, one more for the rest, and their sum', async () => {
    const counter = metrics.counter('flood');
    for (let user = 0; user < 5000; user++) counter.add(1, { user: `u${user}`, kind: 'a' });

    const page = await metrics.scrape();

    expect(seriesOf(page, 'flood_total').size).toBe(2001);
    expect(seriesOf(page, 'flood_total').get('user="other",kind="other"')).toBe(3000);
    expect(sumOf(page, 'flood_total')).toBe(5000);
  });

  it('stay bounded when the flood goes on between scrapes, and what was itself stays itself', async () => {
    const counter = metrics.counter('flood');
    for (let round = 0; round < 4; round++) {
      for (let user = 0; user < 1500; user++) counter.add(1, { user: `${round}-${user}` });
      counter.add(1, { user: '0-0' });
      await metrics.scrape();
    }

    const page = await metrics.scrape();
    expect(seriesOf(page, 'flood_total').size).toBe(2001);
    expect(seriesOf(page, 'flood_total').get('user="0-0"')).toBe(5);
    expect(sumOf(page, 'flood_total')).toBe(4 * 1501);
  });

  it('stay bounded under a flood of label names', async () => {
    const histogram = metrics.histogram('flood', { buckets: [1] });
    for (let name = 0; name < 3000; name++) histogram.record(1, { [`label${name}`]: 'x' });

    const page = await metrics.scrape();
    expect(seriesOf(page, 'flood_count').size).toBe(2001);
    expect(sumOf(page, 'flood_count')).toBe(3000);
  });

  it('of components, which ask the global provider, are bounded too', async () => {
    const counter = api.getMeter('@infra-kit/some').createCounter('flood');
    for (let user = 0; user < 2500; user++) counter.add(2, { user });

    expect(seriesOf(await metrics.scrape(), 'flood_total').get('user="other"')).toBe(1000);
  });

  it('that are observed are bounded too: gauges keep the last value beyond, counters the sum', async () => {
    metrics.observableGauge('watched', (result) => {
      for (let user = 0; user < 2005; user++) result.observe(user, { user });
    });
    const counter = metrics.meter().createObservableCounter('watched.sum');
    counter.addCallback((result) => {
      for (let user = 0; user < 2005; user++) result.observe(10, { user });
    });

    for (let round = 0; round < 2; round++) {
      const page = await metrics.scrape();
      expect(seriesOf(page, 'watched').size).toBe(2001);
      expect(seriesOf(page, 'watched').get('user="other"')).toBe(2004);
      expect(seriesOf(page, 'watched_sum_total').get('user="other"')).toBe(50);
    }
  });

  it('may have a bound of their own', async () => {
    const counter = metrics.counter('narrow', { maxCardinality: 3 });
    for (let user = 0; user < 10; user++) counter.add(1, { user });

    expect(seriesOf(await metrics.scrape(), 'narrow_total')).toEqual(
      new Map([
        ['user="0"', 1],
        ['user="1"', 1],
        ['user="2"', 1],
        ['user="other"', 7],
      ]),
    );
  });

  it('do nothing after the end, and never throw', async () => {
    const counter = metrics.counter('late');
    await metrics.close();

    expect(() => counter.add(1)).not.toThrow();
    expect(() => metrics.counter('later').add(1)).not.toThrow();
    expect(() => metrics.observableGauge('latest', (result) => result.observe(1))).not.toThrow();
  });
});
