import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, FakeClock, RecordingLogger } from '@infra-kit/kernel/testing';
import { createMetrics, type MetricsOptions, type MetricsProvider } from '../src/index.js';
import { startFakeCollector, type CollectorMood, type FakeCollector } from '../src/testing/index.js';

const QUEUE = 2048;
const WARNING = 'telemetry is lost: the collector does not take it';

describe('a collector in trouble', () => {
  let collector: FakeCollector;
  let logger: RecordingLogger;
  let clock: FakeClock;
  const open: MetricsProvider[] = [];
  beforeEach(async () => {
    collector = await startFakeCollector();
    logger = new RecordingLogger();
    clock = new FakeClock();
  });
  afterEach(async () => {
    for (const metrics of open.splice(0)) await metrics.shutdown({ timeoutMs: 10 });
    await collector.close();
  });

  async function start(mood: CollectorMood | 'away', options: MetricsOptions = {}): Promise<MetricsProvider> {
    if (mood === 'away') await collector.close();
    else collector.mood = mood;
    const endpoint = mood === 'away' ? 'http://127.0.0.1:1' : collector.url;
    const metrics = await createMetrics(
      {
        endpoint,
        traces: { exporter: 'otlp' },
        metrics: { exporter: 'both' },
        logs: { exporter: 'otlp' },
        exportTimeoutMs: 50,
        process: false,
        ...options,
      },
      { env: 'test', logger, clock },
    );
    open.push(metrics);
    return metrics;
  }
  const warnings = (): object[] =>
    logger.lines.filter(({ message }) => message === WARNING).map(({ fields }) => fields ?? {});
  const emit = async (metrics: MetricsProvider, spans: number): Promise<void> => {
    metrics.counter('some').add(1);
    for (let at = 0; at < spans; at++) metrics.tracer().startSpan('lost').end();
  };

  it.each(['away', 'hanging', 'refusing'] as const)(
    'that is %s is warned of once a minute, for all signals together, with what was lost',
    async (mood) => {
      const metrics = await start(mood);
      for (let round = 0; round < 3; round++) {
        await emit(metrics, 5);
        metrics.lines?.(JSON.stringify({ level: 'info', msg: 'lost', time: new Date().toISOString() }));
        await expect(metrics.forceFlush()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      }
      expect(warnings()).toHaveLength(1);

      await clock.advance(60_000);
      await emit(metrics, 1);
      await metrics.forceFlush().catch(() => undefined);
      expect(warnings()).toHaveLength(2);
      expect(warnings()[1]).toMatchObject({ lost: { spans: expect.any(Number) } });
    },
  );

  it('gets everything again when it is back', async () => {
    const metrics = await start('refusing');
    await emit(metrics, 3);
    await metrics.forceFlush().catch(() => undefined);

    collector.mood = 'taking';
    await emit(metrics, 2);
    await metrics.forceFlush();

    expect(collector.spans).toHaveLength(2);
    expect(await metrics.scrape()).toMatch(
      /infra_telemetry_exported_total\{signal="spans",outcome="failed"\} 3/,
    );
  });

  it('that hangs holds up no caller, and no more waits for it than the queue holds', async () => {
    const metrics = await start('hanging', { exportTimeoutMs: 60_000 });
    for (let at = 0; at < 5 * QUEUE; at++) await metrics.span('quick', async () => undefined); // none of them waits

    const page = await metrics.scrape();
    const dropped = Number(/outcome="dropped"\} (\d+)/.exec(page)?.[1]);
    // one batch is on its way, the queue is full, the rest is gone
    expect(dropped).toBeGreaterThanOrEqual(5 * QUEUE - QUEUE - 2 * 512);
    expect(warnings()).toHaveLength(1);
    expect(collector.requests.length).toBeLessThan(3);
  });

  it.each(['away', 'hanging'] as const)(
    'that is %s holds up the end no longer than the limit; what was dropped is logged',
    async (mood) => {
      const metrics = await start(mood, { exportTimeoutMs: 60_000, shutdownTimeoutMs: 200 });
      await emit(metrics, 7);
      const started = performance.now();

      await metrics.close();

      expect(performance.now() - started).toBeLessThan(5000);
      const said = logger.lines.find(({ message }) => message.startsWith('telemetry was dropped'));
      expect(said?.fields).toMatchObject({ limitMs: 200, undelivered: { spans: 7 } });
    },
  );

  it('that is slow but within the limit loses nothing at the end', async () => {
    const metrics = await start('taking', { exportTimeoutMs: 10_000 });
    await emit(metrics, 700);

    await metrics.shutdown({ timeoutMs: 10_000 });

    await eventually(() => expect(collector.spans).toHaveLength(700));
    expect(logger.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('does not stop a start, nor the page', async () => {
    const metrics = await start('away');
    metrics.counter('orders').add(1);

    expect(await metrics.scrape()).toContain('orders_total 1');
    expect(await metrics.health()).toMatchObject({ status: 'up' });
  });
});
