import { afterEach, describe, expect, it } from '@jest/globals';
import { metrics as api, trace } from '@opentelemetry/api';
import { recordMetrics, RecordingLogger } from '@infra-kit/kernel/testing';
import { createMetrics, type MetricsProvider } from '../src/index.js';
import { startFakeCollector } from '../src/testing/index.js';
import { seriesOf } from './series.js';

const open: MetricsProvider[] = [];
afterEach(async () => {
  for (const metrics of open.splice(0)) await metrics.close();
});
async function start(options: Parameters<typeof createMetrics>[0] = {}, logger = new RecordingLogger()) {
  const metrics = await createMetrics({ process: false, ...options }, { env: 'test', logger });
  open.push(metrics);
  return metrics;
}

describe('the SDK of the process', () => {
  it('is shared by a second application, and lives until the last has gone', async () => {
    const first = await start({ serviceName: 'first' });
    const second = await start({ serviceName: 'second' });
    first.counter('one').add(1);
    second.counter('two').add(2);
    expect(await second.scrape()).toContain('one_total 1');

    await first.close();
    second.counter('two').add(2);
    const page = await second.scrape();
    expect(seriesOf(page, 'two_total').get('')).toBe(4);
    expect(page).toContain('service_name="first"');

    await second.close();
    const third = await start({ serviceName: 'third' });
    const anew = await third.scrape();
    expect(anew).toContain('service_name="third"');
    expect(anew).not.toContain('two_total');
  });

  it('starts once for two that are made at once', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    one.counter('same').add(1);
    expect(await two.scrape()).toContain('same_total 1');
  });

  it('leaves nothing under the globals at its end', async () => {
    const collector = await startFakeCollector();
    const metrics = await start({ endpoint: collector.url, traces: { exporter: 'otlp' } });
    expect(trace.getTracer('x').startSpan('x').isRecording()).toBe(true);
    await metrics.close();

    expect(trace.getTracer('x').startSpan('x').isRecording()).toBe(false);
    expect(api.getMeterProvider().getMeter('x').createCounter('x').constructor.name).toMatch(/Noop/);
    await collector.close();
  });

  it('is left alone where somebody else has installed one: it gets the telemetry, and a warning says so', async () => {
    using other = recordMetrics();
    const logger = new RecordingLogger();
    const metrics = await start({}, logger);

    metrics.counter('orders').add(3);
    await metrics.close();

    expect(other.sum('orders')).toBe(3);
    expect(logger.lines.map(({ level }) => level)).toEqual(['warn']);
    await expect(start({}).then((again) => again.scrape())).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
  });
});
