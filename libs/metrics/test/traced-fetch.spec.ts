import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InfraContext } from '@infra-kit/kernel';
import { freePort } from '@infra-kit/testkit';
import { createMetrics, tracedFetch, type MetricsProvider } from '../src/index.js';
import { startFakeCollector, type FakeCollector, type ReceivedSpan } from '../src/testing/index.js';
import { seriesOf } from './series.js';

describe('tracedFetch', () => {
  let collector: FakeCollector;
  let metrics: MetricsProvider;
  let server: Server;
  let url: string;
  let port: number;
  let headers: IncomingHttpHeaders;
  beforeEach(async () => {
    collector = await startFakeCollector();
    metrics = await createMetrics(
      { endpoint: collector.url, traces: { exporter: 'otlp' }, process: false },
      { env: 'test' },
    );
    server = createServer((request, response) => {
      headers = request.headers;
      if (request.url === '/never') return;
      response.statusCode = request.url === '/missing' ? 404 : 200;
      request.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
    url = `http://127.0.0.1:${port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await metrics.close();
    await collector.close();
  });
  const clientSpan = async (): Promise<ReceivedSpan | undefined> => {
    await metrics.forceFlush();
    return collector.spans.find(({ kind }) => kind === 'client');
  };

  it('is fetch with a client span below the active one, which the other side gets as its parent', async () => {
    const answer = await metrics.span('request', () =>
      tracedFetch(`${url}/echo?token=secret`, { method: 'POST', body: 'hello', headers: { 'x-mine': '1' } }),
    );

    expect(await answer.text()).toBe('hello');
    const span = await clientSpan();
    const parent = collector.spans.find(({ name }) => name === 'request');
    expect(span).toMatchObject({ name: 'POST', traceId: parent?.traceId, parentSpanId: parent?.spanId });
    expect(span?.attributes).toEqual({
      'http.request.method': 'POST',
      'server.address': '127.0.0.1',
      'server.port': port,
      'url.full': `${url}/echo?token=***`,
      'http.response.status_code': 200,
    });
    expect(headers).toMatchObject({
      traceparent: `00-${span?.traceId}-${span?.spanId}-01`,
      'x-trace-id': span?.traceId,
      'x-mine': '1',
    });
    expect([...seriesOf(await metrics.scrape(), 'http_client_request_duration_count')]).toEqual([
      [
        `http_request_method="POST",server_address="127.0.0.1",server_port="${port}",http_response_status_code="200"`,
        1,
      ],
    ]);
  });

  it('marks an answer from 400 on, and what never came, by error.type; what fetch throws comes out', async () => {
    expect((await tracedFetch(`${url}/missing`)).status).toBe(404);
    await expect(tracedFetch(`http://127.0.0.1:${await freePort()}/`)).rejects.toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
    });
    await metrics.forceFlush();

    expect(collector.spans.map(({ status, attributes }) => [status, attributes['error.type']])).toEqual([
      ['error', '404'],
      ['error', 'ECONNREFUSED'],
    ]);
  });

  it("ends with the context's deadline and signal, and tells the deadline to the other side", async () => {
    const late = InfraContext.run({ timeoutMs: 300 }, () => tracedFetch(`${url}/never`));
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(Number(headers['x-deadline-ms'])).toBeLessThanOrEqual(300);

    const gone = new AbortController();
    const cancelled = InfraContext.run({ signal: gone.signal }, () => tracedFetch(`${url}/never`));
    gone.abort();
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
  });
});
