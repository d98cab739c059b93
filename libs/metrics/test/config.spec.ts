import { afterEach, describe, expect, it } from '@jest/globals';
import { isConfigError } from '@infra-kit/kernel';
import { createMetrics, defaultMetricsConfig, parseMetricsConfig } from '../src/index.js';
import { startFakeCollector } from '../src/testing/index.js';

const before = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  Object.assign(process.env, before);
});
const settle = (options: unknown = {}) =>
  parseMetricsConfig(options, { instance: 'default', service: 'shop' });

describe('the configuration of metrics', () => {
  it('exports nothing that was not asked for: a page, no traces, no logs', () => {
    expect(settle()).toMatchObject({
      serviceName: 'shop',
      traces: { exporter: 'none', sampler: 'parent-ratio', ratio: 1 },
      metrics: { exporter: 'prometheus', path: '/metrics' },
      logs: { exporter: 'none' },
    });
    expect(settle({ endpoint: 'http://collector:4318' })).toMatchObject({
      traces: { exporter: 'none' },
      logs: { exporter: 'none' },
    });
    expect(settle({ traces: { endpoint: 'http://collector:4318/v1/traces' } }).traces.exporter).toBe('otlp');
    expect(defaultMetricsConfig('production')).toEqual(defaultMetricsConfig('development'));
  });

  it('names every bad field in one error, unknown ones included', () => {
    const bad = {
      serviceNaem: 'x',
      endpoint: 'collector:4318',
      traces: { exporter: 'jaeger', ratio: 2 },
      metrics: { path: 'metrics', port: 99_999, intervalMs: 0, maxCardinality: 0 },
      logs: { exporter: 'file', endpoint: 'nowhere' },
      resource: { team: { name: 'a' } },
      http: { buckets: [2, 1] },
      views: [{ instrument: '', buckets: [1, 1] }],
      process: 3,
    };
    let problems: readonly string[] = [];
    try {
      settle(bad);
    } catch (error) {
      problems = isConfigError(error) ? error.problems : [];
    }
    const fields = problems.map((problem) => problem.split(':')[0]);
    for (const field of [
      'serviceNaem',
      'endpoint',
      'traces.exporter',
      'traces.ratio',
      'metrics.path',
      'metrics.port',
      'metrics.intervalMs',
      'metrics.maxCardinality',
      'logs.exporter',
      'logs.endpoint',
      'resource.team',
      'http.buckets',
      'views[0].instrument',
      'views[0].buckets',
      'process',
    ])
      expect(fields).toContain(field);
  });

  it("takes OpenTelemetry's own variables where the code says nothing", () => {
    Object.assign(process.env, {
      OTEL_SERVICE_NAME: 'from-env',
      OTEL_RESOURCE_ATTRIBUTES: 'team=a%20b,service.name=hidden,nonsense',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'otlp,prometheus',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_METRIC_EXPORT_INTERVAL: '2000',
    });
    expect(settle()).toMatchObject({
      serviceName: 'from-env',
      resource: { team: 'a b' },
      traces: { exporter: 'otlp', sampler: 'parent-ratio', ratio: 0.25 },
      metrics: { exporter: 'both', intervalMs: 2000 },
      logs: { exporter: 'otlp' },
    });
    expect(
      settle({
        serviceName: 'code',
        traces: { exporter: 'none', sampler: 'always' },
        logs: { exporter: 'none' },
      }),
    ).toMatchObject({
      serviceName: 'code',
      traces: { exporter: 'none', sampler: 'always', ratio: 0.25 },
      logs: { exporter: 'none' },
    });
    process.env['OTEL_TRACES_SAMPLER'] = 'always_off';
    expect(settle().traces.sampler).toBe('never');
    process.env['OTEL_TRACES_EXPORTER'] = 'kafka';
    expect(() => settle()).toThrow(/traces\.exporter/);
  });

  it('sends where OTEL_EXPORTER_OTLP_ENDPOINT says, with the headers of OTEL_EXPORTER_OTLP_HEADERS', async () => {
    const collector = await startFakeCollector();
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url;
    process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'api-key=secret';
    process.env['OTEL_TRACES_EXPORTER'] = 'otlp';
    const metrics = await createMetrics({ process: false }, { env: 'test' });
    await metrics.span('sent', async () => undefined);
    await metrics.close();

    expect(collector.requests).toEqual([
      { path: '/v1/traces', headers: expect.objectContaining({ 'api-key': 'secret' }) },
    ]);
    await collector.close();
  });

  it('does nothing at all under OTEL_SDK_DISABLED', async () => {
    process.env['OTEL_SDK_DISABLED'] = 'true';
    const metrics = await createMetrics({ traces: { exporter: 'otlp' } }, { env: 'test' });
    metrics.counter('orders').add(1);

    expect(await metrics.span('none', async () => 7)).toBe(7);
    expect(await metrics.scrape()).toBe('');
    await metrics.close();
  });

  it('takes the top-level endpoint as the base of every signal, and the full URL of one signal as it is', async () => {
    await using collector = await startFakeCollector();
    const metrics = await createMetrics(
      {
        endpoint: `${collector.url}/base/`,
        traces: { exporter: 'otlp' },
        metrics: { exporter: 'otlp' },
        logs: { endpoint: `${collector.url}/else/v1/logs` },
        process: false,
      },
      { env: 'test' },
    );
    metrics.counter('orders').add(1);
    await metrics.span('sent', async () => undefined);
    metrics.lines?.('{"level":"info","msg":"sent"}');
    await metrics.close();

    const paths = new Set(collector.requests.map(({ path }) => path));
    expect(paths).toEqual(new Set(['/base/v1/traces', '/base/v1/metrics', '/else/v1/logs']));
    const types = new Set(collector.requests.map(({ headers }) => headers['content-type']));
    expect(types).toEqual(new Set(['application/x-protobuf']));
  });
});
